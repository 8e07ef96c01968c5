//! URLs as Go reads them, which decides what Istio takes: without a scheme, a host comes first.

/// The scheme of a URL, empty where it has none and is a host with a path; or why it is none.
pub(in crate::api) fn scheme(text: &str) -> Result<String, String> {
    // Go reads it as a request's first, in which a # is nothing special, and then as any other.
    match read(text, true) {
        Ok(scheme) => read(text, false).map(|_| scheme),
        Err(why) => {
            let hosted = format!("http://{text}");
            read(&hosted, true).map_err(|_| why)?;
            read(&hosted, false).map(|_| String::new())
        }
    }
}

/// The scheme of a URL; `request` for one as requests have it.
fn read(text: &str, request: bool) -> Result<String, String> {
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err("it has a control character".to_owned());
    }
    let (text, fragment) = match text.split_once('#') {
        Some((text, fragment)) if !request => (text, fragment),
        _ => (text, ""),
    };
    escapes(fragment)?;
    let (scheme, rest) = split_scheme(text)?;
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    if !rest.starts_with('/') {
        return match scheme {
            // What follows is of no form that could be wrong.
            Some(scheme) => Ok(scheme),
            None if request => Err("it begins with neither a scheme nor a /".to_owned()),
            None => escapes(rest).map(|()| String::new()),
        };
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) if scheme.is_some() || (!request && !rest.starts_with('/')) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            check_authority(authority)?;
            path
        }
        _ => rest,
    };
    escapes(path)?;
    Ok(scheme.unwrap_or_default())
}

/// The scheme in lower case, and what stands behind it.
fn split_scheme(text: &str) -> Result<(Option<String>, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at > 0 => {
                let (scheme, rest) = text.split_at(at);
                return Ok((Some(scheme.to_ascii_lowercase()), rest.get(1..).unwrap_or_default()));
            }
            ':' => return Err("a scheme is missing before the :".to_owned()),
            _ => break,
        }
    }
    Ok((None, text))
}

/// `[USER[:PASSWORD]@]HOST[:PORT]`.
fn check_authority(authority: &str) -> Result<(), String> {
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(allowed) {
                return Err("what stands before the @ is no name of a user".to_owned());
            }
            escapes(user)?;
            host
        }
        None => authority,
    };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.rsplit_once(']').ok_or("a ] is missing")?,
        None => match host.rfind(':') {
            Some(at) => host.split_at(at),
            None => (host, ""),
        },
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if (!port.is_empty() && !port.starts_with(':')) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{port:?} behind the host is no port"));
    }
    let allowed = |c: char| {
        !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c)
    };
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!("{c:?} is not allowed in the name of a host"));
    }
    escapes(name)
}

/// A `%` begins two hexadecimal digits.
fn escapes(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        let digits = behind.bytes().take(2).filter(u8::is_ascii_hexdigit).count();
        if digits < 2 {
            return Err("a % must be followed by two hexadecimal digits".to_owned());
        }
        rest = behind;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn schemes_are_those_that_go_reads() {
        for (text, scheme) in [
            ("http://a", Some("http")),
            ("HTTPS://a:1/b?c=%zz#d", Some("https")),
            ("oci://private-registry:5000/a/b:latest", Some("oci")),
            ("file:///opt/a.wasm", Some("file")),
            ("test", Some("")),
            ("a.b/c:tag", Some("")),
            ("/opt/a.wasm", Some("")),
            // A host with a port looks like a scheme.
            ("localhost:5000/a", Some("localhost")),
            ("fake://example.com", Some("fake")),
            ("#%blah$#@", None),
            // What is none with its own scheme may be the path of a host that is called http.
            ("http://a b", Some("")),
            ("http://a:b", Some("")),
            ("http://[::1]:80/", Some("http")),
            ("[::1", None),
            ("a b", None),
            ("http://a/%zz", None),
            ("http://a/b#%zz", None),
            (":a", None),
            ("http://a\n", None),
            ("", Some("")),
        ] {
            assert_eq!(
                super::scheme(text).ok().as_deref(),
                scheme,
                "{text:?}: {:?}",
                super::scheme(text)
            );
        }
    }
}
