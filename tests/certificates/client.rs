//! A client in another language: it has a key and a request, asks for certificates, and has openssl judge them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::skip::skipped;

/// A folder with a key and a request for it, and the client.
pub struct Agent {
    folder: TempDir,
    python: PathBuf,
}

/// What the client was told.
#[derive(Debug, PartialEq)]
pub enum Told {
    Chain(Vec<String>),
    Refused(String, String),
}

impl Agent {
    /// None, and a line that says so, where there is no client.
    pub fn new() -> Option<Agent> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/venv/bin/python");
        if !python.exists() {
            skipped("target/venv is missing; `make test` makes it");
            return None;
        }
        let agent = Agent { folder: tempfile::tempdir().unwrap(), python };
        let key = agent.file("key");
        let made = Command::new("openssl")
            .args(["ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out"])
            .arg(&key)
            .output();
        if made.is_err() {
            skipped("openssl is not installed");
            return None;
        }
        agent.openssl(&["req", "-new", "-subj", "/O=anything", "-key", "key", "-out", "csr"]);
        Some(agent)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.file(name), content).unwrap();
    }

    /// What openssl prints.
    pub fn openssl(&self, arguments: &[&str]) -> String {
        let ran = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Asks for a certificate, with files of the folder.
    pub fn ask(&self, address: &str, arguments: &[&str]) -> Told {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ran = Command::new(&self.python)
            .arg(root.join("tests/certificates/client.py"))
            .arg(address)
            .args(["--csr", "csr"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match said["chain"].as_array() {
            Some(chain) => Told::Chain(chain.iter().map(text).collect()),
            None => Told::Refused(text(&said["code"]), text(&said["message"])),
        }
    }

    /// Asks, verifies what comes, and keeps it as `certificate` and `issued-by`. What openssl shows of it.
    pub fn certificate(&self, address: &str, arguments: &[&str]) -> String {
        let told = self.ask(address, arguments);
        let Told::Chain(chain) = told else { panic!("{told:?}") };
        let (leaf, rest) = chain.split_first().unwrap();
        self.write("certificate", leaf);
        self.write("issued-by", rest.last().unwrap());
        self.openssl(&["verify", "-x509_strict", "-CAfile", "issued-by", "certificate"]);
        self.openssl(&["x509", "-noout", "-text", "-in", "certificate"])
    }

    /// The code of a refusal whose message has a text.
    pub fn refused(&self, address: &str, arguments: &[&str], text: &str) -> String {
        let told = self.ask(address, arguments);
        let Told::Refused(code, message) = told else { panic!("{told:?}") };
        assert!(message.contains(text), "{message}");
        code
    }
}
