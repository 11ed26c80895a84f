//! Who is asking: one-time login links, and the sessions that come of them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::console::Console;
use super::failure::Failure;
use super::secret::{Fingerprint, Secret, SecretError};

/// More browsers than one person has open; the oldest session makes room.
const SESSIONS_MAX: usize = 32;

/// Wrong tokens within [`FAILURES_WINDOW`] after which tokens are not even looked at. Guessing 256 bits is hopeless at any
/// rate; the bound keeps a program that tries from filling the log. It ends by itself, so that it locks nobody out for good.
const FAILURES_MAX: u32 = 10;
const FAILURES_WINDOW: Duration = Duration::from_secs(60);

/// Under which name approvals of this session are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: String,
}

/// The login link and the open sessions of one server.
#[derive(Debug)]
pub(super) struct Access {
    operator: String,
    cookie: String,
    doors: Mutex<Doors>,
}

#[derive(Debug)]
struct Doors {
    link: Option<Fingerprint>,
    sessions: VecDeque<Session>,
    failures: u32,
    failures_since: Option<Instant>,
}

#[derive(Debug)]
struct Session {
    id: Fingerprint,
    identity: Identity,
}

/// What became of a login.
#[derive(Debug)]
pub(super) enum Login {
    /// The value of the `Set-Cookie` header.
    Opened { cookie: String },
    /// Not the token of the link, or it was used.
    WrongToken,
    /// Too many wrong ones just now.
    TooManyFailures { retry_after_seconds: u64 },
}

impl Access {
    /// Sessions are recorded under the name `operator`. A cookie is sent to every port of its host, so its name carries
    /// the port: two consoles on one machine do not log each other out.
    pub(super) fn new(operator: String, port: u16, link: &Secret) -> Self {
        let doors = Doors {
            link: Some(link.fingerprint()),
            sessions: VecDeque::new(),
            failures: 0,
            failures_since: None,
        };
        Self {
            operator,
            cookie: format!("sidecar-inspector-{port}"),
            doors: Mutex::new(doors),
        }
    }

    /// Who sent these headers, if they carry a session.
    pub(super) fn identify(&self, headers: &HeaderMap) -> Option<Identity> {
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let pairs = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let ids: Vec<Fingerprint> = pairs
            .filter(|(name, _)| *name == self.cookie)
            .map(|(_, id)| Fingerprint::of(id))
            .collect();
        let doors = self.doors();
        let session = doors
            .sessions
            .iter()
            .find(|session| ids.iter().any(|id| session.id.matches(id)))?;
        Some(session.identity.clone())
    }

    /// Takes a token, once.
    ///
    /// # Errors
    /// [`SecretError`] if no session id can be made; the link is then still good.
    pub(super) fn log_in(&self, token: &str, now: Instant) -> Result<Login, SecretError> {
        let mut doors = self.doors();
        if let Some(retry_after_seconds) = doors.closed_for(now) {
            return Ok(Login::TooManyFailures {
                retry_after_seconds,
            });
        }
        if !doors
            .link
            .as_ref()
            .is_some_and(|link| link.matches(&Fingerprint::of(token)))
        {
            doors.failures += 1;
            return Ok(Login::WrongToken);
        }
        let id = Secret::random()?;
        doors.link = None;
        while doors.sessions.len() >= SESSIONS_MAX {
            doors.sessions.pop_front();
        }
        doors.sessions.push_back(Session {
            id: id.fingerprint(),
            identity: Identity {
                name: self.operator.clone(),
            },
        });
        // Without an expiry the cookie ends with the browser, and the session with the server.
        Ok(Login::Opened {
            cookie: format!(
                "{}={}; Path=/; HttpOnly; SameSite=Strict",
                self.cookie,
                id.expose()
            ),
        })
    }

    fn doors(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doors {
    fn closed_for(&mut self, now: Instant) -> Option<u64> {
        let since = *self.failures_since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= FAILURES_WINDOW {
            (self.failures, self.failures_since) = (0, Some(now));
        }
        (self.failures >= FAILURES_MAX).then(|| (FAILURES_WINDOW - elapsed).as_secs() + 1)
    }
}

/// Lets nobody through who has no session, and tells the handlers who it is.
pub(super) async fn require(
    State(console): State<Console>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let identity = console
        .access()
        .identify(request.headers())
        .ok_or_else(Failure::not_logged_in)?;
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> (Access, Secret) {
        let link = Secret::random().unwrap();
        (Access::new("ada".to_owned(), 7878, &link), link)
    }

    fn cookies(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())])
    }

    #[test]
    fn a_link_opens_one_session_and_no_second() {
        let (access, link) = access();
        let Login::Opened { cookie } = access.log_in(link.expose(), Instant::now()).unwrap() else {
            panic!("the link is good")
        };
        let pair = cookie.split(';').next().unwrap();
        let identity = Identity {
            name: "ada".to_owned(),
        };
        assert_eq!(
            access.identify(&cookies(&format!("other=1; {pair}; more=2"))),
            Some(identity)
        );
        assert_eq!(
            access.identify(&cookies("sidecar-inspector-7878=guess")),
            None
        );
        assert_eq!(
            access.identify(&cookies(&pair.replace("7878", "7879"))),
            None
        );
        assert!(matches!(
            access.log_in(link.expose(), Instant::now()).unwrap(),
            Login::WrongToken
        ));
    }

    #[test]
    fn wrong_tokens_close_the_door_for_a_while() {
        let (access, link) = access();
        let start = Instant::now();
        for _ in 0..FAILURES_MAX {
            assert!(matches!(
                access.log_in("guess", start).unwrap(),
                Login::WrongToken
            ));
        }
        let soon = start + FAILURES_WINDOW / 2;
        assert!(matches!(
            access.log_in(link.expose(), soon).unwrap(),
            Login::TooManyFailures {
                retry_after_seconds: 31
            }
        ));
        let later = start + FAILURES_WINDOW;
        assert!(matches!(
            access.log_in(link.expose(), later).unwrap(),
            Login::Opened { .. }
        ));
    }
}
