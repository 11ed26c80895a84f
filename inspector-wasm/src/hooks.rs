//! What components have in common.

mod use_check;
mod use_polled;
mod use_printing;
mod use_route;
mod use_screen;
mod use_width;
mod use_window;

pub use use_check::{Check, use_check};
pub use use_polled::{Alive, Asking, use_polled};
pub use use_printing::use_printing;
pub use use_route::{arranged_now, use_route};
pub use use_screen::use_screen;
pub use use_width::use_width;
pub use use_window::use_window;
