//! Why a question to the server has no answer.

use sidecar::api::Problem;

/// Why a question to the server has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers, or not in time.
    Unreachable,
    /// The answer is not from this program's server, but from a static host, for example.
    NotOurServer {
        /// The HTTP status it gave.
        status: u16,
    },
    /// The browser keeps nothing for this page, so it cannot stay logged in.
    NoStorage,
    /// The server refuses, with its reason.
    Problem(Box<Problem>),
    /// The server's answer is not one this page understands.
    Garbled {
        /// The parser's words.
        reason: String,
    },
}

impl Failure {
    /// Reads an answer that is not a success.
    #[must_use]
    pub fn of_answer(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => Self::Problem(Box::new(problem)),
            Err(_) => Self::NotOurServer { status },
        }
    }

    /// Whether the server wants a login first.
    #[must_use]
    pub fn asks_for_login(&self) -> bool {
        matches!(self, Self::Problem(problem) if matches!(problem.status, 401 | 403))
    }

    /// Whether the server has no session of this browser, or no more.
    #[must_use]
    pub fn is_without_session(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.code == "not_logged_in")
    }

    /// Whether nothing is known of what was asked for: it did not arrive, or its answer did not.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable | Self::NotOurServer { .. })
    }

    /// Whether what was asked for does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.status == 404)
    }

    /// The kind of failure, in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Unreachable => "The server does not answer".to_owned(),
            Self::NotOurServer { .. } => "This is not the server’s answer".to_owned(),
            Self::NoStorage => "The browser keeps nothing for this page".to_owned(),
            Self::Problem(_) if self.is_without_session() => "Your session has ended".to_owned(),
            Self::Problem(problem) => problem.title.clone(),
            Self::Garbled { .. } => "The server’s answer cannot be read".to_owned(),
        }
    }

    /// What happened and what to do next.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Unreachable => {
                "It may have been stopped, or the connection is gone. This page asks again by itself, and keeps what was typed."
                    .to_owned()
            }
            Self::NotOurServer { status } => format!(
                "Another program answered, with status {status}. Check whether a proxy stands between the page and the server."
            ),
            Self::NoStorage => {
                "The login worked, and the page cannot stay logged in: allow it to store data, and open a new login link."
                    .to_owned()
            }
            Self::Problem(_) if self.is_without_session() => {
                "It ends an hour after it was last used, twelve hours after its login, and when the server stops. Open a new login link in another tab of this browser: the server prints one when it starts, and whenever Ctrl-\\ is pressed in its terminal. This page goes on by itself then, and keeps what was typed."
                    .to_owned()
            }
            Self::Problem(problem) => problem.detail.clone(),
            Self::Garbled { reason } => {
                format!(
                    "Page and server may be of different versions; load the page again. ({reason})"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_from_a_static_hosts_404() {
        let body = r#"{"type":"about:blank","title":"Not found","status":404,"detail":"no such operation","instance":"/x","code":"unknown_operation"}"#;
        let failure = Failure::of_answer(404, body.as_bytes());
        assert!(failure.is_not_found());
        assert_eq!(failure.detail(), "no such operation");
        assert_eq!(
            Failure::of_answer(404, b"<h1>Not found</h1>"),
            Failure::NotOurServer { status: 404 }
        );
    }

    #[test]
    fn only_401_and_403_ask_for_a_login() {
        let problem = |status: u16| {
            let body = format!(
                r#"{{"type":"t","title":"t","status":{status},"detail":"d","instance":"i","code":"c"}}"#
            );
            Failure::of_answer(status, body.as_bytes())
        };
        assert!(problem(401).asks_for_login() && problem(403).asks_for_login());
        assert!(!problem(404).asks_for_login() && !Failure::Unreachable.asks_for_login());
    }
}
