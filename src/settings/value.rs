//! The types of variables: how each is read from text, shown, and described to who wrote it wrongly.

use std::time::Duration;

use crate::api::Block;
use crate::api::duration;
use crate::api::features::{Compliance, JwksFetcher, NativeSidecars, Percent};

/// A type that a variable can have.
pub(super) trait Value: Sized {
    /// What a text must be, to end the sentence "… is needed".
    const ALLOWED: &'static str;

    /// Reads a text; None if it is not [`Self::ALLOWED`].
    fn read(text: &str) -> Option<Self>;

    /// The text that reads as this value.
    fn show(&self) -> String;
}

impl Value for bool {
    const ALLOWED: &'static str = "true or false";

    fn read(text: &str) -> Option<bool> {
        go_bool(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    const ALLOWED: &'static str = "a whole number from 0 to 4294967295";

    fn read(text: &str) -> Option<u32> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for f64 {
    const ALLOWED: &'static str = "a number, 0 or more";

    fn read(text: &str) -> Option<f64> {
        text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Percent {
    const ALLOWED: &'static str = "a number from 0 to 100";

    fn read(text: &str) -> Option<Percent> {
        text.parse().ok().and_then(Percent::new)
    }

    fn show(&self) -> String {
        self.value().to_string()
    }
}

impl Value for Compliance {
    const ALLOWED: &'static str = "fips-140-2, pqc or nothing";

    fn read(text: &str) -> Option<Compliance> {
        match text {
            "" => Some(Compliance::None),
            "fips-140-2" => Some(Compliance::Fips140v2),
            "pqc" => Some(Compliance::Pqc),
            _ => None,
        }
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Value for JwksFetcher {
    const ALLOWED: &'static str = "istiod (or false), hybrid (or true) or envoy";

    fn read(text: &str) -> Option<JwksFetcher> {
        match text {
            "istiod" | "false" => Some(JwksFetcher::Istiod),
            "hybrid" | "true" => Some(JwksFetcher::Hybrid),
            "envoy" => Some(JwksFetcher::Envoy),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            JwksFetcher::Istiod => "false",
            JwksFetcher::Hybrid => "true",
            JwksFetcher::Envoy => "envoy",
        }
        .to_owned()
    }
}

impl Value for NativeSidecars {
    const ALLOWED: &'static str = "true, false or auto";

    fn read(text: &str) -> Option<NativeSidecars> {
        match text {
            "true" => Some(NativeSidecars::Always),
            "false" => Some(NativeSidecars::Never),
            "auto" => Some(NativeSidecars::Auto),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            NativeSidecars::Always => "true",
            NativeSidecars::Never => "false",
            NativeSidecars::Auto => "auto",
        }
        .to_owned()
    }
}

impl Value for Block {
    const ALLOWED: &'static str = "a block of addresses such as 240.240.0.0/16";

    fn read(text: &str) -> Option<Block> {
        Block::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const ALLOWED: &'static str = "a duration such as 100ms, 30s or 1h30m";

    fn read(text: &str) -> Option<Duration> {
        duration::parse(text).ok()
    }

    fn show(&self) -> String {
        duration::format(*self)
    }
}

impl Value for String {
    const ALLOWED: &'static str = "text";

    fn read(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// A text that is no value of the variable's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// What would be one.
    pub allowed: &'static str,
}

/// Sets a field from text; leaves it alone if the text is rejected. True, for the macro's sake.
pub(super) fn assign<T: Value>(field: &mut T, text: &str) -> Result<bool, Rejected> {
    *field = T::read(text).ok_or(Rejected { allowed: T::ALLOWED })?;
    Ok(true)
}

/// Go's `strconv.ParseBool`, which decides what flags and variables accept as a truth value.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
