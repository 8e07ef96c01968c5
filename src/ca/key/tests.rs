use super::*;

/// PEM of a key that openssl writes.
fn openssl(arguments: &[&str]) -> Option<String> {
    let made = std::process::Command::new("openssl").args(arguments).output();
    let Ok(made) = made else {
        crate::skip::skipped("openssl is not installed");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(String::from_utf8(made.stdout).unwrap())
}

#[test]
fn keys_are_read_in_every_form() {
    for (arguments, begin) in [
        (&["genrsa", "-traditional", "2048"][..], "BEGIN RSA PRIVATE KEY"),
        (&["genpkey", "-algorithm", "RSA"], "BEGIN PRIVATE KEY"),
        (&["ecparam", "-genkey", "-name", "prime256v1"], "BEGIN EC PARAMETERS"),
        (&["ecparam", "-genkey", "-noout", "-name", "secp384r1"], "BEGIN EC PRIVATE KEY"),
        (&["genpkey", "-algorithm", "ED25519"], "BEGIN PRIVATE KEY"),
    ] {
        let Some(text) = openssl(arguments) else { return };
        assert!(text.contains(begin), "{arguments:?}");
        let key = Key::from_pem(&text).unwrap_or_else(|why| panic!("{arguments:?}: {why}"));
        assert!(!key.sign(b"message").unwrap().is_empty());
        assert!(!format!("{key:?}").contains(text.lines().nth(1).unwrap()));
    }
}

#[test]
fn what_is_no_key_is_told() {
    assert!(Key::from_pem("nothing").unwrap_err().starts_with("there is no private key"));
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(Key::from_pem(broken).unwrap_err().contains("broken"));
}
