//! Who is asking: one-time login links, and the sessions that come of them.
//!
//! A session is a cookie and a key. The browser sends the cookie by itself, and to every port of the host, so any other
//! program that listens on this machine can come to know it, or set it. The key never leaves the page that logged in: it is
//! sent as a header, by the page's own script. Neither is worth anything without the other.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, header};

use sidecar::api::SESSION_KEY_HEADER;

use crate::http::secret::{Fingerprint, Secret, SecretError, random_name};

/// A session ends after so long without a request. A page that is in sight asks every few minutes at least.
pub(in crate::http) const IDLE_MAX: Duration = Duration::from_secs(60 * 60);

/// A session ends so long after its login, however busy it is.
pub(in crate::http) const SESSION_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// A login link that nobody opened ends after so long.
pub(in crate::http) const LINK_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Open sessions at most: more than one person has browsers. The oldest makes room for one more.
const SESSIONS_MAX: usize = 32;

/// Unopened login links at most. The oldest makes room for one more.
const LINKS_MAX: usize = 8;

/// Wrong tokens within [`FAILURES_WINDOW`] after which a wrong one is answered with 429. A right one is always taken: nobody
/// can lock anybody out. Guessing 256 bits is hopeless at any rate.
const FAILURES_MAX: u32 = 10;
const FAILURES_WINDOW: Duration = Duration::from_secs(60);

/// The header that a page sends its session's key in.
pub(in crate::http) const KEY_HEADER: HeaderName = HeaderName::from_static(SESSION_KEY_HEADER);

/// The name under which approvals of this session are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct Identity {
    pub(in crate::http) name: String,
}

/// The login links and the open sessions of one server.
#[derive(Debug)]
pub(in crate::http) struct Access {
    operator: String,
    cookie: String,
    doors: Mutex<Doors>,
}

#[derive(Debug, Default)]
struct Doors {
    links: VecDeque<Link>,
    sessions: VecDeque<Session>,
    failures: u32,
    failures_since: Option<Instant>,
}

#[derive(Debug)]
struct Link {
    token: Fingerprint,
    made: Instant,
}

#[derive(Debug)]
struct Session {
    id: Fingerprint,
    key: Fingerprint,
    identity: Identity,
    opened: Instant,
    last_asked: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_asked) >= IDLE_MAX
            || now.saturating_duration_since(self.opened) >= SESSION_MAX
    }
}

/// What became of a login.
#[derive(Debug)]
pub(in crate::http) enum Login {
    Opened {
        identity: Identity,
        /// The value of the `Set-Cookie` header.
        cookie: String,
        /// What the page has to send in [`KEY_HEADER`].
        key: Secret,
    },
    /// Not the token of a link, or it was used, or it is too old.
    WrongToken,
    /// A wrong token, and too many before it just now.
    TooManyFailures { retry_after_seconds: u64 },
}

impl Access {
    /// Sessions are recorded under the name `operator`. The name of the cookie is another one at every start: no program on
    /// another port can prepare a cookie of that name, and two consoles on one machine do not log each other out.
    ///
    /// # Errors
    /// [`SecretError`] if there is no randomness.
    pub(in crate::http) fn new(operator: String) -> Result<Self, SecretError> {
        Ok(Self {
            operator,
            cookie: format!("sidecar-inspector-{}", random_name::<8>()?),
            doors: Mutex::default(),
        })
    }

    /// Makes the token of one more login link.
    ///
    /// # Errors
    /// [`SecretError`] if there is no randomness.
    pub(in crate::http) fn new_token(&self, now: Instant) -> Result<Secret, SecretError> {
        let token = Secret::random()?;
        let mut doors = self.doors();
        while doors.links.len() >= LINKS_MAX {
            doors.links.pop_front();
        }
        doors.links.push_back(Link {
            token: token.fingerprint(),
            made: now,
        });
        Ok(token)
    }

    /// Who sent these headers, if they carry a session: its cookie and its key. Counts as a sign of life.
    pub(in crate::http) fn identify(&self, headers: &HeaderMap, now: Instant) -> Option<Identity> {
        let mut doors = self.doors();
        let place = self.place(&mut doors, headers, now)?;
        let session = doors.sessions.get_mut(place)?;
        session.last_asked = now;
        Some(session.identity.clone())
    }

    /// Ends the session that these headers carry. Returns the `Set-Cookie` header that removes its cookie.
    pub(in crate::http) fn log_out(&self, headers: &HeaderMap, now: Instant) -> String {
        let mut doors = self.doors();
        if let Some(place) = self.place(&mut doors, headers, now) {
            doors.sessions.remove(place);
        }
        format!(
            "{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
            self.cookie
        )
    }

    /// Takes a token, once.
    ///
    /// # Errors
    /// [`SecretError`] if no session can be made; the link is then still good.
    pub(in crate::http) fn log_in(&self, token: &str, now: Instant) -> Result<Login, SecretError> {
        let mut doors = self.doors();
        let given = Fingerprint::of(token);
        doors
            .links
            .retain(|link| now.saturating_duration_since(link.made) < LINK_MAX);
        let Some(place) = doors
            .links
            .iter()
            .position(|link| link.token.matches(&given))
        else {
            return Ok(doors.wrong_token(now));
        };
        let (id, key) = (Secret::random()?, Secret::random()?);
        doors.links.remove(place);
        doors.sessions.retain(|session| !session.is_over(now));
        while doors.sessions.len() >= SESSIONS_MAX {
            doors.sessions.pop_front();
        }
        let identity = Identity {
            name: self.operator.clone(),
        };
        doors.sessions.push_back(Session {
            id: id.fingerprint(),
            key: key.fingerprint(),
            identity: identity.clone(),
            opened: now,
            last_asked: now,
        });
        // Without an expiry the cookie ends with the browser at the latest.
        Ok(Login::Opened {
            identity,
            cookie: format!(
                "{}={}; Path=/; HttpOnly; SameSite=Strict",
                self.cookie,
                id.expose()
            ),
            key,
        })
    }

    fn place(&self, doors: &mut Doors, headers: &HeaderMap, now: Instant) -> Option<usize> {
        doors.sessions.retain(|session| !session.is_over(now));
        let mut keys = headers.get_all(KEY_HEADER).iter();
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return None;
        };
        let key = Fingerprint::of(key.to_str().ok()?);
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        // More than one cookie of the name: somebody else on this host set one too, for another path.
        let ids: Vec<Fingerprint> = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.cookie)
            .map(|(_, id)| Fingerprint::of(id))
            .collect();
        doors.sessions.iter().position(|session| {
            session.key.matches(&key) && ids.iter().any(|id| session.id.matches(id))
        })
    }

    fn doors(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doors {
    fn wrong_token(&mut self, now: Instant) -> Login {
        let since = *self.failures_since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= FAILURES_WINDOW {
            (self.failures, self.failures_since) = (0, Some(now));
        }
        if self.failures >= FAILURES_MAX {
            return Login::TooManyFailures {
                retry_after_seconds: FAILURES_WINDOW.saturating_sub(elapsed).as_secs() + 1,
            };
        }
        self.failures += 1;
        Login::WrongToken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> (Access, Secret) {
        let access = Access::new("ada".to_owned()).unwrap();
        let token = access.new_token(Instant::now()).unwrap();
        (access, token)
    }

    /// The pair of the cookie, and the key.
    fn opened(access: &Access, token: &Secret, now: Instant) -> (String, String) {
        match access.log_in(token.expose(), now).unwrap() {
            Login::Opened { cookie, key, .. } => {
                let pair = cookie.split(';').next().unwrap().to_owned();
                (pair, key.expose().to_owned())
            }
            other => panic!("the link is good: {other:?}"),
        }
    }

    fn headers(cookies: &str, key: &str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::COOKIE, cookies.parse().unwrap()),
            (KEY_HEADER, key.parse().unwrap()),
        ])
    }

    #[test]
    fn a_link_opens_one_session_and_no_second() {
        let (access, token) = access();
        let now = Instant::now();
        let (pair, key) = opened(&access, &token, now);
        let identity = Identity {
            name: "ada".to_owned(),
        };
        assert_eq!(
            access.identify(&headers(&format!("other=1; {pair}; more=2"), &key), now),
            Some(identity)
        );
        assert!(matches!(
            access.log_in(token.expose(), now).unwrap(),
            Login::WrongToken
        ));
    }

    #[test]
    fn neither_cookie_nor_key_is_worth_anything_alone() {
        let (access, token) = access();
        let now = Instant::now();
        let (pair, key) = opened(&access, &token, now);
        let (other_pair, other_key) = opened(&access, &access.new_token(now).unwrap(), now);
        let name = pair.split_once('=').unwrap().0;
        for (cookies, key) in [
            (pair.as_str(), ""),
            (&pair, "guess"),
            (&pair, &other_key),
            (&other_pair, &key),
            ("", &key),
            (&format!("{name}=guess"), &key),
            (&pair.replace(name, "sidecar-inspector-7878"), &key),
        ] {
            assert_eq!(access.identify(&headers(cookies, key), now), None);
        }
        // A cookie that a program on another port sets beside it does not log anybody out.
        let tossed = format!("{name}=planted; {pair}");
        assert!(access.identify(&headers(&tossed, &key), now).is_some());
        let mut twice = headers(&pair, &key);
        twice.append(KEY_HEADER, "guess".parse().unwrap());
        assert_eq!(access.identify(&twice, now), None);
    }

    #[test]
    fn a_right_token_is_taken_whatever_was_tried_before() {
        let (access, token) = access();
        let start = Instant::now();
        for _ in 0..FAILURES_MAX {
            assert!(matches!(
                access.log_in("guess", start).unwrap(),
                Login::WrongToken
            ));
        }
        let soon = start + FAILURES_WINDOW / 2;
        assert!(matches!(
            access.log_in("guess", soon).unwrap(),
            Login::TooManyFailures {
                retry_after_seconds: 31
            }
        ));
        opened(&access, &token, soon);
        assert!(matches!(
            access.log_in("guess", start + FAILURES_WINDOW).unwrap(),
            Login::WrongToken
        ));
    }

    #[test]
    fn a_session_ends_when_idle_and_when_old_and_when_told() {
        let (access, token) = access();
        let start = Instant::now();
        let (pair, key) = opened(&access, &token, start);
        let headers = headers(&pair, &key);
        let almost = IDLE_MAX - Duration::from_secs(1);
        let mut now = start;
        while now.duration_since(start) + almost < SESSION_MAX {
            now += almost;
            assert!(access.identify(&headers, now).is_some());
        }
        assert_eq!(access.identify(&headers, start + SESSION_MAX), None);

        let opened_at = start + SESSION_MAX;
        let fresh = access.new_token(opened_at).unwrap();
        let (pair, key) = opened(&access, &fresh, opened_at);
        let headers = self::headers(&pair, &key);
        assert_eq!(access.identify(&headers, opened_at + IDLE_MAX), None);

        let fresh = access.new_token(opened_at).unwrap();
        let (pair, key) = opened(&access, &fresh, opened_at);
        let headers = self::headers(&pair, &key);
        assert!(access.log_out(&headers, opened_at).contains("Max-Age=0"));
        assert_eq!(access.identify(&headers, opened_at), None);
    }

    #[test]
    fn a_link_ends_unopened_and_old_ones_make_room() {
        let (access, first) = access();
        let now = Instant::now();
        assert!(matches!(
            access.log_in(first.expose(), now + LINK_MAX).unwrap(),
            Login::WrongToken
        ));
        let tokens: Vec<Secret> = (0..=LINKS_MAX)
            .map(|_| access.new_token(now).unwrap())
            .collect();
        assert!(matches!(
            access.log_in(tokens[0].expose(), now).unwrap(),
            Login::WrongToken
        ));
        opened(&access, &tokens[1], now);
        opened(&access, &tokens[LINKS_MAX], now);
    }
}
