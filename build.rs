//! Compiles proto/ without protoc.

use std::path::PathBuf;

use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(PathBuf::from("proto")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    for file in [
        "envoy/service/discovery/v3/discovery.proto",
        "udpa/type/v1/typed_struct.proto",
        "xds/type/v3/typed_struct.proto",
        "xds/type/v3/range.proto",
        "istio/nds.proto",
        "istio/alpn.proto",
        "istio/stats.proto",
        "istio/metadata_exchange.proto",
    ] {
        compiler.open_file(file)?;
    }
    compiler.include_imports(true);
    let mut config = prost_build::Config::new();
    config.compile_well_known_types().enable_type_names().btree_map(["."]).bytes(["."]);
    config.extern_path(".google.protobuf", "::envoy_types::pb::google::protobuf");
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
