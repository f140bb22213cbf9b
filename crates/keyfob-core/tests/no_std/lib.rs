//! A program without `std` that uses all of keyfob-core that needs none: `no_std.rs` builds it.
//!
//! It brings its own panic handler, so that it can't be built when any crate beneath links `std`,
//! which has one too.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

use alloc::string::{String, ToString};
use core::alloc::{GlobalAlloc, Layout};
use core::convert::Infallible;

use keyfob_core::{Environment, KeyFormat, KeyHash, ScopeSet};
use rand_core::{TryCryptoRng, TryRng};

const FORMAT: KeyFormat = KeyFormat::new("tk");

keyfob_core::scopes! {
    pub enum Scope {
        Read => "org:read",
        Write => "org:write",
    }
}

/// The symbol keeps all of it in the library.
#[unsafe(no_mangle)]
pub extern "C" fn keyfob_core_without_std() -> bool {
    let issued = FORMAT.generate_from(Environment::Live, &mut Counter(0));
    let verified = verify(issued.expose_secret(), issued.hash());
    let scopes = ScopeSet::<Scope>::from_patterns(["org:*"]).map(|set| set.to_string());
    verified == Ok(true) && scopes.as_deref() == Ok("org:read org:write")
}

fn verify(presented: &str, stored: KeyHash) -> Result<bool, String> {
    let key = FORMAT.parse(presented).map_err(|error| error.to_string())?;
    let text = key.hash().to_string();
    Ok(text.parse() == Ok(stored) && key.hint().as_str().len() == 16)
}

/// No generator for keys: it only has to compile.
struct Counter(u8);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0 += 1;
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// `alloc` wants an allocator to exist; the library is never run.
struct NoMemory;

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

// SAFETY: a null pointer is how an allocator says that there is no memory, so nothing is freed.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
