//! Compiles proto/ without protoc, and derives from all descriptors what the program needs at run time.
//!
//! Written to OUT_DIR:
//! - `PACKAGE.rs`: Rust types of our own messages; those that they import are the types of envoy-types;
//! - `descriptors.bin`: the descriptors of every Envoy message and of ours, for JSON;
//! - `ads.bin`, `certificates.bin`: the descriptors of one service alone, for gRPC reflection;
//! - `maps.rs`: where messages hold maps, for the deterministic encoding.
//!
//! The descriptors of Envoy's messages are those that the package envoy-types ships, found through cargo.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, error, fs};

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use protox::file::{ChainFileResolver, DescriptorSetFileResolver, IncludeFileResolver};

type Result<T> = std::result::Result<T, Box<dyn error::Error>>;

/// The transport envelope. Envoy's descriptors define the same names with typed payloads, and those are the
/// ones that JSON and reflection use.
const ENVELOPE: &str = "envoy/service/discovery/v3/discovery.proto";

/// Our messages that envoy-types does not have.
const MESSAGES: &[&str] = &[
    "udpa/type/v1/typed_struct.proto",
    "xds/type/v3/typed_struct.proto",
    "xds/type/v3/range.proto",
    "xds/type/matcher/v3/matchers.proto",
    "istio/nds.proto",
    "istio/ca.proto",
    "istio/proxy_config.proto",
    "istio/alpn.proto",
    "istio/stats.proto",
    "istio/metadata_exchange.proto",
    "envoy/extensions/filters/network/mysql_proxy/v3/mysql_proxy.proto",
    "envoy/extensions/private_key_providers/cryptomb/v3alpha/cryptomb.proto",
    "envoy/extensions/private_key_providers/qat/v3alpha/qat.proto",
];

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.lock");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let envoy = fs::read(envoy_descriptors()?)?;
    let ours = compile(&envoy)?;
    generate_types(&ours)?;
    let all = join(FileDescriptorSet::decode(envoy.as_slice())?, ours);
    fs::write(out.join("descriptors.bin"), all.encode_to_vec())?;
    let ads = closure(&all, "envoy/service/discovery/v3/ads.proto");
    fs::write(out.join("ads.bin"), ads.encode_to_vec())?;
    let certificates = closure(&all, "istio/ca.proto");
    fs::write(out.join("certificates.bin"), certificates.encode_to_vec())?;
    fs::write(out.join("maps.rs"), map_table(&all)?)?;
    Ok(())
}

/// The descriptor set inside the package envoy-types.
fn envoy_descriptors() -> Result<PathBuf> {
    let offline = metadata(&["--offline", "--locked"]);
    let metadata = offline.or_else(|_| metadata(&[]))?;
    let manifest = metadata
        .get("packages")
        .and_then(serde_json::Value::as_array)
        .into_iter()
        .flatten()
        .find(|package| package["name"] == "envoy-types")
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or("cargo metadata lists no package envoy-types: is it still a dependency?")?;
    let package = Path::new(manifest).parent().ok_or("envoy-types has no directory")?;
    Ok(package.join("src/generated/types.bin"))
}

fn metadata(flags: &[&str]) -> Result<serde_json::Value> {
    let output = Command::new(env::var("CARGO")?)
        .current_dir(env::var("CARGO_MANIFEST_DIR")?)
        .args(["metadata", "--format-version=1", "--filter-platform"])
        .arg(env::var("TARGET")?)
        .args(flags)
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Our files and what they import.
fn compile(envoy: &[u8]) -> Result<FileDescriptorSet> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(PathBuf::from("proto")));
    resolver.add(DescriptorSetFileResolver::decode(envoy)?);
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.open_file(ENVELOPE)?.open_files(MESSAGES)?.include_imports(true);
    Ok(compiler.file_descriptor_set())
}

fn generate_types(set: &FileDescriptorSet) -> Result<()> {
    let mut config = prost_build::Config::new();
    config.compile_well_known_types().enable_type_names().btree_map(["."]).bytes(["."]);
    for file in set.file.iter().filter(|file| !is_ours(file)) {
        for (name, path) in rust_paths(file) {
            config.extern_path(name, path);
        }
    }
    Ok(config.compile_fds(set.clone())?)
}

fn is_ours(file: &FileDescriptorProto) -> bool {
    file.name() == ENVELOPE || MESSAGES.contains(&file.name())
}

/// The types of an imported file by their full names, as envoy-types calls them.
fn rust_paths(file: &FileDescriptorProto) -> Vec<(String, String)> {
    fn enums(
        name: &str,
        path: &str,
        list: &[EnumDescriptorProto],
        out: &mut Vec<(String, String)>,
    ) {
        out.extend(
            list.iter().map(|e| (format!("{name}.{}", e.name()), format!("{path}::{}", e.name()))),
        );
    }
    fn messages(name: &str, path: &str, list: &[DescriptorProto], out: &mut Vec<(String, String)>) {
        for message in list {
            let full = format!("{name}.{}", message.name());
            out.push((full.clone(), format!("{path}::{}", message.name())));
            let inside = format!("{path}::{}", snake_case(message.name()));
            messages(&full, &inside, &message.nested_type, out);
            enums(&full, &inside, &message.enum_type, out);
        }
    }
    let package = format!(".{}", file.package());
    let modules = file.package().split('.').map(|part| match part {
        "type" => "r#type",
        other => other,
    });
    let path = format!("::envoy_types::pb::{}", modules.collect::<Vec<_>>().join("::"));
    let mut out = Vec::new();
    messages(&package, &path, &file.message_type, &mut out);
    enums(&package, &path, &file.enum_type, &mut out);
    out
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Envoy's files, then ours that define other names, all without source info, which is most of the size.
fn join(envoy: FileDescriptorSet, ours: FileDescriptorSet) -> FileDescriptorSet {
    let own = ours.file.into_iter().filter(|file| MESSAGES.contains(&file.name()));
    let mut files: Vec<_> = envoy.file.into_iter().chain(own).collect();
    for file in &mut files {
        file.source_code_info = None;
    }
    FileDescriptorSet { file: files }
}

/// A file and all that it imports, the imports first.
fn closure(all: &FileDescriptorSet, root: &str) -> FileDescriptorSet {
    let mut wanted = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(name) = open.pop() {
        if let Some(file) = all.file.iter().find(|file| file.name() == name)
            && wanted.insert(name)
        {
            open.extend(file.dependency.iter().cloned());
        }
    }
    let files = all.file.iter().filter(|file| wanted.contains(file.name()));
    FileDescriptorSet { file: files.cloned().collect() }
}

/// What a field of a message leads to.
enum Target {
    /// A map; its values are messages of this type.
    Map(Option<String>),
    /// A message of this type, once or repeated.
    Message(String),
}

type Fields = BTreeMap<i32, Target>;

/// A Rust array of all messages that hold maps, themselves or in what they hold, sorted by name.
fn map_table(all: &FileDescriptorSet) -> Result<String> {
    let mut messages = BTreeMap::new();
    for file in &all.file {
        collect_fields(&format!(".{}", file.package()), &file.message_type, &mut messages);
    }
    let holders = map_holders(&messages);
    let index: BTreeMap<&str, usize> = holders.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    let mut out = String::from("&[\n");
    for name in &holders {
        write!(out, "Shape {{ name: {:?}, fields: &[", name.trim_start_matches('.'))?;
        for (number, target) in messages.get(*name).into_iter().flatten() {
            let shape = |name: &String| index.get(name.as_str());
            match target {
                Target::Map(value) => match value.as_ref().and_then(shape) {
                    Some(value) => write!(out, "({number}, Field::Map(Some({value}))), ")?,
                    None => write!(out, "({number}, Field::Map(None)), ")?,
                },
                Target::Message(name) => {
                    if let Some(shape) = shape(name) {
                        write!(out, "({number}, Field::Message({shape})), ")?;
                    }
                }
            }
        }
        out.push_str("] },\n");
    }
    out.push(']');
    Ok(out)
}

/// The fields of all messages that are maps or messages, by the message's full name.
fn collect_fields(package: &str, list: &[DescriptorProto], out: &mut BTreeMap<String, Fields>) {
    for message in list {
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            continue;
        }
        let name = format!("{package}.{}", message.name());
        let mut fields = Fields::new();
        for field in &message.field {
            if field.r#type() != Type::Message {
                continue;
            }
            let entry = message.nested_type.iter().find(|nested| {
                nested.options.as_ref().is_some_and(|o| o.map_entry())
                    && field.label() == Label::Repeated
                    && field.type_name() == format!("{name}.{}", nested.name())
            });
            let target = match entry {
                Some(entry) => {
                    let value =
                        entry.field.iter().find(|f| f.number() == 2 && f.r#type() == Type::Message);
                    Target::Map(value.map(|f| f.type_name().to_owned()))
                }
                None => Target::Message(field.type_name().to_owned()),
            };
            fields.insert(field.number(), target);
        }
        collect_fields(&name, &message.nested_type, out);
        out.insert(name, fields);
    }
}

/// The names of messages from which a map can be reached.
fn map_holders(messages: &BTreeMap<String, Fields>) -> BTreeSet<&str> {
    let mut holders: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = holders.len();
        for (name, fields) in messages {
            let holds = fields.values().any(|target| match target {
                Target::Map(_) => true,
                Target::Message(inner) => holders.contains(inner.as_str()),
            });
            if holds {
                holders.insert(name);
            }
        }
        if holders.len() == before {
            return holders;
        }
    }
}
