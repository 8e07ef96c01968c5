//! Whether something holds of a request, with the reason: yes, no, or nobody can tell.

/// The most reasons that are told of alternatives none of which holds.
const REASONS: usize = 4;

/// See the module. Texts say what is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes(String),
    No(String),
    Unknown(String),
}

impl Verdict {
    /// Whether what is so is what is wanted.
    pub fn of(holds: bool, is: impl Into<String>, wanted: impl AsRef<str>) -> Verdict {
        match holds {
            true => Verdict::Yes(is.into()),
            false => Verdict::No(format!("{}; wanted is {}", is.into(), wanted.as_ref())),
        }
    }

    /// The opposite.
    pub fn not(self) -> Verdict {
        match self {
            Verdict::Yes(is) => Verdict::No(format!("{is}, which must not be")),
            Verdict::No(why) => Verdict::Yes(why),
            unknown => unknown,
        }
    }

    /// All of them.
    pub fn all(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        let (mut held, mut unknown) = (Vec::new(), None);
        for verdict in verdicts {
            match verdict {
                Verdict::Yes(is) => held.extend((!is.is_empty()).then_some(is)),
                Verdict::No(why) => return Verdict::No(why),
                Verdict::Unknown(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or_else(|| Verdict::Yes(held.join(", ")), Verdict::Unknown)
    }

    /// One of them.
    pub fn one(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        let (mut reasons, mut unknown) = (Vec::new(), None);
        for verdict in verdicts {
            match verdict {
                Verdict::Yes(is) => return Verdict::Yes(is),
                Verdict::No(why) => reasons.push(why),
                Verdict::Unknown(why) => unknown = unknown.or(Some(why)),
            }
        }
        if let Some(why) = unknown {
            return Verdict::Unknown(why);
        }
        let hidden = reasons.len().saturating_sub(REASONS);
        reasons.truncate(REASONS);
        let more = if hidden > 0 { format!(" (and {hidden} more)") } else { String::new() };
        Verdict::No(format!("{}{more}", reasons.join("; or ")))
    }
}

/// What cannot be told is unknown.
impl From<Result<Verdict, String>> for Verdict {
    fn from(result: Result<Verdict, String>) -> Verdict {
        result.unwrap_or_else(Verdict::Unknown)
    }
}
