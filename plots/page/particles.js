"use strict";
// Particles of one run on a canvas. What is shared by all views (axes, colour, tails, how it is turned) is in `look`.

const OKABE_ITO = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#808080"],
  dark: ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2", "#808080"],
};
const dark = matchMedia("(prefers-color-scheme: dark)");
const BINS = 9, FADES = 4, LAYERS = 5;
const MOST_SEGMENTS = 20000;  // of all tails in a picture
const NEAR = 14;  // pixels within which a particle is meant

const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const phaseColours = () => OKABE_ITO[dark.matches ? "dark" : "light"];

/** BINS colours from negative over middle to positive. */
function ramp() {
  const parts = name => css(name).match(/[0-9a-f]{2}/gi).map(digits => parseInt(digits, 16));
  const [low, middle, high] = ["--negative", "--middle", "--positive"].map(parts);
  return Array.from({length: BINS}, (_, bin) => {
    const at = 2 * bin / (BINS - 1) - 1, end = at < 0 ? low : high;
    return `rgb(${middle.map((part, k) => Math.round(part + Math.abs(at) * (end[k] - part))).join()})`;
  });
}

/** Numbers of one significant digit, 1, 2 or 5, that divide what is seen. */
function niceStep(width) {
  const power = 10 ** Math.floor(Math.log10(width / 8));
  return power * [1, 2, 5, 10].find(factor => factor * power >= width / 8);
}

class Particles {
  constructor(canvas, run, look) {
    Object.assign(this, {canvas, run, look, context: canvas.getContext("2d"), frame: 0, followed: -1, hovered: -1});
    this.x = new Float64Array(run.particles);
    this.y = new Float64Array(run.particles);
    this.depth = new Float64Array(run.particles);
    this.restyle();
  }

  restyle() {
    this.colours = this.look.colour === "phase" ? phaseColours() : ramp();
    this.inks = Object.fromEntries(["paper", "ink", "faint", "grey", "teacher"].map(name => [name, css("--" + name)]));
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.width = this.canvas.clientWidth;
    this.height = Math.max(240, Math.min(this.width, window.innerHeight * 0.72));
    this.canvas.style.height = this.height + "px";
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.ratio = ratio;
  }

  /** The axes as [column, centre, pixels per unit], and the rotation as three rows: right, up, to the viewer. */
  prepare() {
    const {axes, yaw, pitch, zoom} = this.look, half = 0.45 * Math.min(this.width, this.height) * zoom;
    this.axes = axes.map(axis => ({column: this.run.column.get(axis.name), centre: axis.centre, scale: half / axis.half}));
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    this.rotation = axes.length < 3 ? [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
      : [[cy, 0, sy], [sy * sp, cp, -cy * sp], [-sy * cp, sp, cy * cp]];
    if (axes.length === 3) for (const axis of this.axes) axis.scale /= 1.2;
  }

  /** Pixels of scaled coordinates. */
  place(a, b, c = 0) {
    const [right, up, near] = this.rotation;
    return [this.width / 2 + right[0] * a + right[1] * b + right[2] * c,
            this.height / 2 - up[0] * a - up[1] * b - up[2] * c, near[0] * a + near[1] * b + near[2] * c];
  }

  /** Pixels of all particles at a frame, into x, y and, if they are given, depths. */
  project(frame, x, y, depth) {
    const [first, second, third] = this.axes, count = this.run.particles, start = frame * count;
    const [[ra, rb, rc], [ua, ub, uc], [na, nb, nc]] = this.rotation;
    for (let j = 0; j < count; ++j) {
      const a = (first.column.values[start + j] - first.centre) * first.scale;
      const b = (second.column.values[start + j] - second.centre) * second.scale;
      const c = third ? (third.column.values[start + j] - third.centre) * third.scale : 0;
      x[j] = this.width / 2 + ra * a + rb * b + rc * c;
      y[j] = this.height / 2 - ua * a - ub * b - uc * c;
      if (depth) depth[j] = na * a + nb * b + nc * c;
    }
  }

  /** The bin of a particle's colour at a frame. */
  binAt(frame) {
    if (this.look.colour === "phase") {
      const bin = this.run.phases[frame] % this.colours.length;
      return () => bin;
    }
    const column = this.run.column.get(this.look.colour);
    if (!column) return () => (BINS - 1) / 2;
    const start = frame * this.run.particles, scale = (BINS - 1) / 2 / (this.look.full || 1);
    return j => Math.max(0, Math.min(BINS - 1, Math.round((BINS - 1) / 2 + scale * column.values[start + j] || 0)));
  }

  tailLength() {
    return Math.min(this.look.tail, this.frame, Math.floor(MOST_SEGMENTS / this.run.particles));
  }

  drawTails() {
    const length = this.tailLength(), count = this.run.particles, context = this.context;
    if (!length) return;
    const paths = this.colours.map(() => Array.from({length: FADES}, () => null));
    let [x, y, toX, toY] = Array.from({length: 4}, () => new Float64Array(count));
    this.project(this.frame - length, x, y);
    for (let age = length; age > 0; --age) {
      const frame = this.frame - age + 1, bin = this.binAt(frame);
      const fade = Math.min(FADES - 1, Math.floor(FADES * (age - 1) / length));
      this.project(frame, toX, toY);
      for (let j = 0; j < count; ++j) {
        const row = paths[bin(j)], path = row[fade] ??= new Path2D();
        if (toX[j] + x[j] === toX[j] + x[j]) { path.moveTo(x[j], y[j]); path.lineTo(toX[j], toY[j]); }
      }
      [x, y, toX, toY] = [toX, toY, x, y];
    }
    context.lineWidth = 1 / this.ratio;  // the thinnest line, which is by far the quickest
    for (let fade = FADES - 1; fade >= 0; --fade) {
      context.globalAlpha = 0.15 + 0.6 * (FADES - fade) / FADES;
      paths.forEach((row, bin) => { if (row[fade]) { context.strokeStyle = this.colours[bin]; context.stroke(row[fade]); } });
    }
    context.globalAlpha = 1;
  }

  /** Layer by layer, from the back. One path for all of a colour would be slow: its shapes overlap. */
  drawDots() {
    const {x, y, depth, context} = this, count = this.run.particles, bin = this.binAt(this.frame);
    const size = count > 2000 ? 1.6 : count > 500 ? 2.4 : 3.4, layers = this.look.axes.length < 3 ? 1 : LAYERS;
    const reach = 0.45 * Math.min(this.width, this.height) * this.look.zoom, colours = this.colours.length;
    const members = Array.from({length: layers * colours}, () => []);
    for (let j = 0; j < count; ++j) {
      if (!(x[j] > -9 && x[j] < this.width + 9 && y[j] > -9 && y[j] < this.height + 9)) continue;
      const layer = Math.max(0, Math.min(layers - 1, Math.floor(layers * (0.5 + depth[j] / reach / 2))));
      members[layer * colours + bin(j)].push(j);
    }
    members.forEach((some, place) => {
      const layer = Math.floor(place / colours), radius = layers === 1 ? size : size * (0.7 + 0.6 * layer / (layers - 1));
      context.fillStyle = this.colours[place % colours];
      for (const j of some) this.dot(x[j], y[j], radius, count > 500);
    });
  }

  dot(x, y, radius, square) {
    if (square) return this.context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
    this.context.beginPath();
    this.context.arc(x, y, radius, 0, 7);
    this.context.fill();
  }

  draw() {
    const {context, inks, followed} = this;
    this.prepare();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = inks.paper;
    context.fillRect(0, 0, this.width, this.height);
    this.axes.length < 3 ? this.drawGrid() : this.drawFrameOfAxes();
    this.drawTeachers();
    this.drawTails();
    this.project(this.frame, this.x, this.y, this.depth);
    this.drawDots();
    if (followed >= 0) this.drawFollowed(followed);
  }

  line(from, to) {
    this.context.beginPath();
    this.context.moveTo(from[0], from[1]);
    this.context.lineTo(to[0], to[1]);
    this.context.stroke();
  }

  drawGrid() {
    const {context, inks, width, height} = this;
    Object.assign(context, {font: "11px system-ui, sans-serif", lineWidth: 1, fillStyle: inks.grey});
    this.axes.forEach((axis, place) => {
      const room = (place ? height : width) / axis.scale, step = niceStep(room);
      for (let tick = Math.ceil((axis.centre - room / 2) / step); tick * step < axis.centre + room / 2; ++tick) {
        const along = (tick * step - axis.centre) * axis.scale;
        const at = place ? height / 2 - along : width / 2 + along;
        context.strokeStyle = tick ? inks.faint : inks.grey;
        this.line(place ? [0, at] : [at, 0], place ? [width, at] : [at, height]);
        const text = String(+(tick * step).toPrecision(6));
        if (place ? at < height - 24 && at > 24 : at > 40) context.fillText(text, place ? 4 : at + 3, place ? at - 3 : height - 5);
      }
      context.fillStyle = inks.ink;
      const name = this.look.axes[place].name;
      context.fillText(name, place ? 4 : width - context.measureText(name).width - 6, place ? 14 : height - 18);
      context.fillStyle = inks.grey;
    });
  }

  drawFrameOfAxes() {
    const {context, inks} = this, origin = this.place(...this.axes.map(axis => -axis.centre * axis.scale));
    Object.assign(context, {font: "11px system-ui, sans-serif", lineWidth: 1, strokeStyle: inks.grey, fillStyle: inks.ink});
    this.axes.forEach((_, place) => {
      const end = this.axes.map((axis, k) => ((k === place ? this.look.axes[k].half : 0) - axis.centre) * axis.scale);
      const tip = this.place(...end);
      this.line(origin, tip);
      context.fillText(this.look.axes[place].name, tip[0] + 4, tip[1] - 4);
    });
  }

  /** Rays from the origin along the teachers, where every axis is a direction of the inputs. */
  drawTeachers() {
    const {context, inks} = this, zero = this.axes.map(axis => -axis.centre * axis.scale);
    if (this.look.axes.some(axis => axis.kind !== "weight")) return;
    context.setLineDash([6, 4]);
    Object.assign(context, {strokeStyle: inks.teacher, lineWidth: 2});
    this.axes[0].column.teachers.forEach((_, teacher) => {
      const along = this.axes.map(axis => axis.column.teachers[teacher] * axis.scale), size = Math.hypot(...along);
      const reach = (this.axes.length < 3 ? 3 : 0.8) * Math.min(this.width, this.height) * Math.hypot(...this.axes.map(
        axis => axis.column.teachers[teacher])) / (size || 1);
      if (size > 1e-6 * this.axes[0].scale) this.line(this.place(...zero), this.place(...zero.map((at, k) => at + along[k] * reach)));
    });
    context.setLineDash([]);
  }

  /** Its whole path so far, and a ring around it. */
  drawFollowed(j) {
    const {context, inks} = this, count = this.run.particles;
    context.beginPath();
    for (let frame = 0; frame <= this.frame; ++frame) {
      const at = this.axes.map(axis => (axis.column.values[frame * count + j] - axis.centre) * axis.scale);
      const [x, y] = this.place(...at);
      if (x === x && y === y) context.lineTo(x, y);
    }
    Object.assign(context, {strokeStyle: inks.ink, lineWidth: 1.5});
    context.stroke();
    context.beginPath();
    context.arc(this.x[j], this.y[j], 8, 0, 7);
    context.stroke();
  }

  /** The particle nearest to a point of the canvas, or -1. */
  at(x, y) {
    let best = -1, least = NEAR * NEAR;
    for (let j = 0; j < this.run.particles; ++j) {
      const distance = (this.x[j] - x) ** 2 + (this.y[j] - y) ** 2;
      if (distance < least) [best, least] = [j, distance];
    }
    return best;
  }

  /** What is known of a particle now, line by line. */
  valuesOf(j) {
    const place = this.frame * this.run.particles + j;
    return [`particle ${this.run.ids[j]}`, ...this.run.columns.map(column => `${column.name} = ${short(column.values[place])}`)];
  }
}

const short = value => Number.isFinite(value) ? String(+value.toPrecision(5)) : "not a number";
