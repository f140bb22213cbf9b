//! The binary: everything is in the library.

fn main() -> std::process::ExitCode {
    takumo_cloud::cli::run()
}
