"use strict";
// Curves of the chosen columns against time, one below the other, each with a cursor at the time that is shown.

const CURVE_HEIGHT = 150;

/** Whether times are spread over decades, as log-spaced looks are. */
function overDecades(times) {
  const positive = times.filter(time => time > 0);
  return positive.length > 3 && positive[positive.length - 1] > 100 * positive[0]
    && positive[Math.floor(positive.length / 2)] < 0.3 * positive[positive.length - 1];
}

/** 0 and the powers of ten from the first positive time on. */
function decadesTo(first, last) {
  const powers = [];
  for (let power = 10 ** Math.ceil(Math.log10(first)); power <= last; power *= 10) powers.push(power);
  return [0, ...powers];
}

class Curves {
  /** goTo(time) is called for a click on a curve. */
  constructor(parent, payload, goTo) {
    Object.assign(this, {parent, goTo, plots: []});
    this.decades = payload.runs.some(run => overDecades(run.curves.times));
    parent.replaceChildren();
    for (const name of payload.curves) this.add(name, payload.runs);
  }

  add(name, runs) {
    const holder = document.createElement("div"), heading = document.createElement("h2");
    holder.className = "curve";
    heading.textContent = name;
    holder.append(heading);
    holder.setAttribute("role", "img");
    const last = runs.map(run => `${run.label} ends at ${short(run.curves.columns[name].at(-1) ?? NaN)}`).join("; ");
    holder.setAttribute("aria-label", `Curve of ${name} against time. ${last}.`);
    this.parent.append(holder);
    const data = uPlot.join(runs.map(run => [run.curves.times, run.curves.columns[name]]));
    const plot = new uPlot(this.options(runs, data), data, holder);
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    plot.over.append(cursor);
    plot.over.addEventListener("click", event => this.goTo(plot.posToVal(event.offsetX, "x")));
    this.plots.push({plot, cursor});
  }

  options(runs, data) {
    const values = data.slice(1).flat().filter(value => Number.isFinite(value));
    const logarithmic = values.length > 0 && values.every(value => value > 0) && Math.max(...values) > 20 * Math.min(...values);
    const first = data[0].find(time => time > 0) || 1;
    const axis = {stroke: () => css("--ink"), grid: {stroke: () => css("--faint"), width: 1}, ticks: {show: false},
                  font: "11px system-ui, sans-serif"};
    const sparse = (plot, ticks) => ticks.map(tick => Math.abs(Math.log10(Math.abs(tick)) % 1) < 1e-6 || tick === 0 ? tick : null);
    return {
      width: Math.max(200, this.parent.clientWidth), height: CURVE_HEIGHT, legend: {show: false},
      cursor: {y: false, drag: {x: false, y: false}, points: {show: false}},
      scales: {x: this.decades ? {time: false, distr: 4, asinh: first, range: (_, low, high) => [low, high]} : {time: false}, y: logarithmic ? {distr: 3} : {}},
      axes: [{...axis, size: 24, ...(this.decades ? {splits: (_, place, low, high) => decadesTo(first, high)} : {}), values: (_, ticks) => ticks.map(tickText)},
             {...axis, size: 56, ...(logarithmic ? {filter: sparse} : {}), values: (_, ticks) => ticks.map(tickText)}],
      series: [{}, ...runs.map((run, k) => ({stroke: () => css(`--run${k}`), width: 1.6, dash: k ? [6, 3] : undefined,
                                            spanGaps: true, points: {show: false}}))],
    };
  }

  /** Puts the cursors at a time. */
  show(time) {
    for (const {plot, cursor} of this.plots) {
      const at = plot.valToPos(time, "x");
      cursor.hidden = !Number.isFinite(at);
      if (!cursor.hidden) cursor.style.transform = `translateX(${at}px)`;
    }
  }

  resize() {
    for (const {plot} of this.plots) plot.setSize({width: Math.max(200, this.parent.clientWidth), height: CURVE_HEIGHT});
  }

  redraw() {
    for (const {plot} of this.plots) plot.redraw();
  }
}

/** As many digits as the tick has, up to six: ticks between powers of ten differ in the second. */
const tickText = tick => {
  if (tick === null) return "";
  const rounded = +tick.toPrecision(6);
  return Math.abs(rounded) >= 1e4 || (rounded && Math.abs(rounded) < 1e-3) ? rounded.toExponential() : String(rounded);
};
