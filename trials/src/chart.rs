//! Charts as SVG, readable on a light page and on a dark one.

mod canvas;
mod latency;
mod log_axis;
mod timeline;

use std::path::Path;

pub(crate) use latency::Latencies;
pub(crate) use timeline::{Strip, Timeline};

use crate::failure::Failure;

/// Writes a chart, and says where.
pub(crate) fn save(directory: &Path, name: &str, svg: &str) -> Result<(), Failure> {
    let path = directory.join(name).with_extension("svg");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, svg))
        .map_err(Failure::io("writing a chart"))?;
    println!("  chart: {}", path.display());
    Ok(())
}
