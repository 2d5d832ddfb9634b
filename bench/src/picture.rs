//! The report as a picture: requests per second beside the yardsticks, with the least and the most of all rounds, the
//! ratio, the date and the machine.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Outcome;
use crate::report::{Case, Figures, Report};
use crate::tables::{thousands, title};

const WIDTH: u32 = 960;
const HEAD: u32 = 64;
const FOOT: u32 = 30;
/// The height of a case, and of what a panel has beside its cases.
const CASE: u32 = 46;
const FRAME: u32 = 62;
/// Where the bars begin.
const LEFT: u32 = 210;

const INK: RGBColor = RGBColor(33, 37, 41);
const FAINT: RGBColor = RGBColor(222, 226, 230);
const OURS: RGBColor = RGBColor(217, 72, 15);
const YARDSTICK: RGBColor = RGBColor(134, 142, 150);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws it.
pub(crate) fn draw(report: &Report, path: &Path) -> Outcome<()> {
    let beside: Vec<&Case> = report.cases.iter().filter(|case| case.yardstick.is_some()).collect();
    let mut connections: Vec<u32> = beside.iter().map(|case| case.connections).collect();
    connections.sort_unstable();
    connections.dedup();
    if connections.is_empty() {
        return Ok(());
    }
    let of = |number: u32| beside.iter().copied().filter(move |case| case.connections == number);
    let heights: Vec<u32> =
        connections.iter().map(|number| FRAME + CASE * of(*number).count() as u32).collect();
    let height = HEAD + FOOT + heights.iter().sum::<u32>();
    let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    head(&root)?;
    let most = beside.iter().flat_map(|case| {
        let theirs = case.yardstick.iter().map(|(_, figures)| figures.rate.most);
        theirs.chain([case.ours.rate.most])
    });
    let most = most.fold(1.0, f64::max);
    let mut top = HEAD;
    for (number, height) in connections.iter().zip(&heights) {
        let area = root.clone().shrink((0, top), (WIDTH, *height));
        panel(&area, *number, &of(*number).collect::<Vec<_>>(), most)?;
        top += height;
    }
    let machine = &report.machine;
    let foot = format!(
        "{}, {} ({} cores), {}; workerd {}; median of {} rounds of {} s, lines from the least to the most",
        machine.date,
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.versions.get("workerd").map_or("?", String::as_str),
        report.rounds,
        report.seconds
    );
    write(&root, &foot, (16, (height - FOOT / 2).cast_signed()), 12, HPos::Left)?;
    Ok(root.present()?)
}

fn head(root: &Area<'_>) -> Outcome<()> {
    write(root, "Requests per second on raw workerd", (16, 20), 20, HPos::Left)?;
    for (left, colour, name) in
        [(16, OURS, "stripe402-edge"), (160, YARDSTICK, "its yardstick, written to be fast")]
    {
        root.draw(&Rectangle::new([(left, 40), (left + 12, 52)], colour.filled()))?;
        write(root, name, (left + 18, 46), 13, HPos::Left)?;
    }
    Ok(())
}

fn panel(area: &Area<'_>, connections: u32, cases: &[&Case], most: f64) -> Outcome<()> {
    let plural = if connections == 1 { "" } else { "s" };
    write(area, &format!("{connections} connection{plural}"), (16, 14), 15, HPos::Left)?;
    let rows = cases.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .margin_top(26)
        .margin_right(16)
        .x_label_area_size(28)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(0.0..most * 1.35, 0.0..rows)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(WHITE)
        .bold_line_style(FAINT)
        .axis_style(FAINT)
        .x_labels(8)
        .x_label_formatter(&|rate| thousands(*rate))
        .x_label_style(("sans-serif", 12).into_font().color(&INK))
        .draw()?;
    for (nth, case) in cases.iter().enumerate() {
        let top = rows - nth as f64;
        let middle = chart.backend_coord(&(0.0, top - 0.5));
        let (left, above) = area.get_base_pixel();
        let place = (middle.0 - left - 8, middle.1 - above);
        write(area, title(&case.name), place, 13, HPos::Right)?;
        let ratio = case.ratio.map_or_else(String::new, |ratio| format!("  ({:.2} ×)", ratio.median));
        let Some((name, theirs)) = &case.yardstick else { continue };
        let bars =
            [(&case.ours, OURS, top - 0.12, ratio), (theirs, YARDSTICK, top - 0.5, format!("  {name}"))];
        for (figures, colour, from, words) in bars {
            let rate = figures.rate.median;
            chart.draw_series([Rectangle::new([(0.0, from), (rate, from - 0.34)], colour.filled())])?;
            chart.draw_series([spread(figures, from - 0.17)])?;
            let label = format!("{}{words}", thousands(rate));
            let style = ("sans-serif", 12).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
            let beside = figures.rate.most + most * 0.008;
            chart.draw_series([Text::new(label, (beside, from - 0.17), style)])?;
        }
    }
    Ok(())
}

/// A line from the least to the most.
fn spread(figures: &Figures, at: f64) -> PathElement<(f64, f64)> {
    PathElement::new([(figures.rate.least, at), (figures.rate.most, at)], INK.stroke_width(1))
}

fn write(area: &Area<'_>, text: &str, place: (i32, i32), size: i32, from: HPos) -> Outcome<()> {
    let style = ("sans-serif", size).into_font().color(&INK).pos(Pos::new(from, VPos::Center));
    Ok(area.draw(&Text::new(text.to_owned(), place, style))?)
}
