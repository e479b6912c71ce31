"use strict";
// The page: one clock for all runs, the controls, keys and pointer, and news of a run that is being written.

const SPEEDS = [1, 2, 5, 10, 20, 30, 60];  // frames per second
const TURN = 0.4;  // radians per second
const NEWS_MILLISECONDS = 3000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const $ = name => document.getElementById(name);

/** The times of all runs in one order, and for each run its frame at each of them: the last that is not later. */
class Clock {
  constructor(runs) {
    this.ticks = runs.length === 1 ? runs[0].times : [...new Set(runs.flatMap(run => run.times))].sort((a, b) => a - b);
    this.frames = runs.map(run => {
      if (runs.length === 1) return run.times.map((_, frame) => frame);
      let frame = 0;
      return this.ticks.map(time => {
        while (frame + 1 < run.frames && run.times[frame + 1] <= time) ++frame;
        return frame;
      });
    });
    this.last = this.ticks.length - 1;
  }

  tickAt(time) {
    let best = 0;
    this.ticks.forEach((tick, k) => { if (Math.abs(tick - time) < Math.abs(this.ticks[best] - time)) best = k; });
    return best;
  }
}

class Page {
  constructor(payload, runs) {
    Object.assign(this, {payload, runs, views: [], tick: 0, playing: false, owed: 0, followed: null, drawMilliseconds: []});
    this.look = {axes: [], yaw: 0.6, pitch: 0.4, zoom: 1, colour: "", tail: 20, full: 1};
    this.clock = new Clock(runs);
    this.fillChoices();
    this.buildViews();
    this.curves = new Curves($("curves"), payload, time => this.goTo(this.clock.tickAt(time)));
    this.listen();
    this.applyChoices();
    this.goTo(0);
    requestAnimationFrame(now => this.turnOver(now));
  }

  // ---- what is chosen

  fillChoices() {
    const common = this.runs[0].columns.filter(column => this.runs.every(run => run.column.has(column.name)));
    const axes = common.filter(column => column.kind !== "colour").map(column => column.name);
    const fill = (select, names) => select.replaceChildren(...names.map(([value, text]) => new Option(text, value)));
    for (const place of [0, 1, 2]) fill($("axis" + place), axes.map(name => [name, name]));
    $("axis2").prepend(new Option("none (2-D)", ""));
    this.firstAxes(common).forEach((name, place) => { $("axis" + place).value = name; });
    $("axis2").value = "";
    const has = name => common.some(column => column.name === name);
    const colours = [...(has("r") ? [["r", "output weight r"]] : []), ...(has("alignment") ? [["alignment", "alignment"]] : []),
                     ["phase", "phase"], ["", "none"]];
    fill($("colour"), colours);
    fill($("speed"), SPEEDS.map(speed => [speed, `${speed}/s`]));
    $("speed").value = SPEEDS.find(speed => speed >= this.clock.last / 15) ?? SPEEDS.at(-1);
    $("turn").checked = !calm.matches;
    $("scrub").max = this.clock.last;
  }

  /** The chosen coordinates; else the principal plane where there is one; else the first two along the inputs. */
  firstAxes(common) {
    const names = common.filter(column => column.kind === "weight").map(column => column.name);
    const principal = names.filter(name => name.startsWith("principal "));
    const others = common.filter(column => column.kind === "other").map(column => column.name);
    const first = this.payload.chosen.length ? [...this.payload.chosen, ...names, ...others]
      : principal.length > 1 ? principal : [...names, ...others];
    return [...new Set(first)].slice(0, 2);
  }

  /** The middle of an axis and half of what it shows; those along the inputs share one scale, about the origin. */
  axis(name, names) {
    const columns = axis => this.runs.map(run => run.column.get(axis));
    const kind = columns(name)[0].kind;
    const reach = axis => Math.max(...columns(axis).map(column => Math.max(Math.abs(column.low), Math.abs(column.high))));
    const alike = names.filter(other => columns(other)[0].kind === kind && kind === "weight");
    return {name, kind, centre: 0, half: Math.max(...(alike.length ? alike : [name]).map(reach)) || 1};
  }

  applyChoices() {
    const names = [0, 1, 2].map(place => $("axis" + place).value).filter(name => name);
    this.look.axes = names.map(name => this.axis(name, names));
    this.look.colour = $("colour").value;
    this.look.tail = Number($("tail").value);
    const shown = this.runs.map(run => run.column.get(this.look.colour)).filter(column => column);
    this.look.full = this.look.colour === "alignment" ? 1 : Math.max(...shown.map(column => column.typical), 0) || 1;
    $("turning").hidden = names.length < 3;
    for (const view of this.views) view.restyle();
    this.showLegend();
    this.stale = true;
  }

  showLegend() {
    const swatch = colour => Object.assign(document.createElement("span"), {className: "swatch", style: `background:${colour}`});
    const item = (...parts) => { const made = document.createElement("span"); made.append(...parts); return made; };
    const {colour, full} = this.look, items = [];
    if (colour === "phase") {
      const names = [...new Set(this.runs.flatMap(run => run.phaseNames))];
      names.forEach(name => items.push(item(swatch(phaseColours()[(parseInt(name, 10) - 1) % phaseColours().length]), name)));
    } else if (colour) {
      const colours = item(...ramp().map(swatch));
      colours.className = "ramp";
      items.push(item(`${colour}: ${short(-full)} `), colours, item(short(full)));
    }
    const inputs = this.look.axes.every(axis => axis.kind === "weight");  // or there are no rays
    if (inputs && this.runs.some(run => run.columns.some(column => column.teachers.length)))
      items.push(item(swatch(css("--teacher")), "teacher direction (dashed)"));
    if (this.runs.length > 1) this.runs.forEach((run, k) => items.push(item(swatch(css(`--run${k}`)), `curve of ${run.label}`)));
    $("legend").replaceChildren(...items);
  }

  // ---- views, and what is pointed at

  buildViews() {
    $("views").replaceChildren();
    this.views = this.runs.map(run => {
      const figure = document.createElement("figure"), caption = document.createElement("figcaption");
      const canvas = document.createElement("canvas"), tip = document.createElement("div");
      figure.className = "view";
      caption.textContent = run.label;
      Object.assign(tip, {className: "tip", hidden: true});
      canvas.setAttribute("role", "img");
      figure.append(caption, canvas, tip);
      $("views").append(figure);
      const view = new Particles(canvas, run, this.look);
      view.tip = tip;
      this.listenTo(view, canvas);
      return view;
    });
    this.resize();
    this.showNotes();
  }

  showNotes() {
    const notes = this.runs.flatMap(run => run.notes.map(note => `${run.label}: ${note}.`));
    const shortened = this.runs.some(run => run.particles * 60 > MOST_SEGMENTS)
      ? [`Tails of all particles together have at most ${MOST_SEGMENTS} segments.`] : [];
    $("notes").textContent = [...notes, ...shortened,
      `Positions are those of the file to ${this.payload.error} of each coordinate's range.`].join(" ");
  }

  listenTo(view, canvas) {
    let from = null, moved = 0;
    canvas.addEventListener("pointerdown", event => {
      [from, moved] = [event, 0];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", event => {
      if (!from) return this.hover(view, event);
      const [dx, dy] = [event.clientX - from.clientX, event.clientY - from.clientY];
      moved += Math.abs(dx) + Math.abs(dy);
      from = event;
      if (this.look.axes.length < 3 || moved < 4) return;
      $("turn").checked = false;
      this.look.yaw += dx * 0.01;
      this.look.pitch = Math.max(-1.57, Math.min(1.57, this.look.pitch + dy * 0.01));
      this.stale = true;
    });
    canvas.addEventListener("pointerup", event => {
      if (from && moved < 4) this.click(view, event);
      from = null;
    });
    canvas.addEventListener("pointerleave", () => { view.tip.hidden = true; });
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      this.zoom(Math.exp(-0.0015 * event.deltaY));
    }, {passive: false});
  }

  hover(view, event) {
    const j = view.at(event.offsetX, event.offsetY);
    view.tip.hidden = j < 0;
    if (j < 0) return;
    view.tip.textContent = view.valuesOf(j).join("\n");
    view.tip.style.left = Math.min(view.canvas.offsetLeft + view.x[j] + 12, view.canvas.clientWidth - 130) + "px";
    view.tip.style.top = view.canvas.offsetTop + view.y[j] + 12 + "px";
  }

  click(view, event) {
    const j = view.at(event.offsetX, event.offsetY);
    if (j >= 0) this.follow(view.run.ids[j]);
  }

  /** Follows the particle of this number in every run; null: none. */
  follow(id) {
    this.followed = id;
    $("follow").value = id ?? "";
    for (const view of this.views) view.followed = id === null ? -1 : view.run.ids.indexOf(id);
    this.stale = this.told = true;
  }

  zoom(factor) {
    this.look.zoom = factor === 0 ? 1 : Math.max(0.2, Math.min(1e4, this.look.zoom * factor));
    this.stale = true;
  }

  // ---- time

  goTo(tick) {
    this.tick = Math.max(0, Math.min(this.clock.last, tick));
    this.stale = this.told = true;
  }

  play(playing) {
    if (playing && this.tick === this.clock.last) this.goTo(0);
    this.playing = playing && this.clock.last > 0;
    this.owed = 0;
    $("play").textContent = this.playing ? "Pause" : "Play";
    $("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.stale = this.told = true;
  }

  turnOver(now) {
    const seconds = Math.min(0.25, (now - (this.before ?? now)) / 1000);
    this.before = now;
    if (this.playing) {
      this.owed += seconds * Number($("speed").value);
      if (this.owed >= 1) this.goTo(this.tick + Math.floor(this.owed));
      this.owed %= 1;
      if (this.tick === this.clock.last) this.play(false);
    }
    if (this.look.axes.length === 3 && $("turn").checked) {
      this.look.yaw += seconds * TURN;
      this.stale = true;
    }
    if (this.stale) this.show();
    requestAnimationFrame(next => this.turnOver(next));
  }

  show() {
    const start = performance.now();
    this.stale = false;
    this.views.forEach((view, k) => {
      view.frame = this.clock.frames[k][this.tick];
      view.draw();
    });
    this.drawMilliseconds.push(performance.now() - start);
    if (this.drawMilliseconds.length > 600) this.drawMilliseconds.shift();
    if (this.told) this.tell();
  }

  /** In words, and on the curves, where the clock stands. */
  tell() {
    this.told = false;
    const [view] = this.views, time = this.clock.ticks[this.tick], step = view.run.steps[view.frame];
    const words = `step ${step}, time ${short(time)}`;
    const scrub = $("scrub");
    scrub.value = this.tick;
    scrub.setAttribute("aria-valuetext", `frame ${this.tick + 1} of ${this.clock.last + 1}, ${words}`);
    $("now").textContent = `frame ${this.tick + 1} of ${this.clock.last + 1}, ${words}`;
    this.curves.show(time);
    for (const each of this.views) {
      each.canvas.setAttribute("aria-label", `${each.run.label}: ${each.run.particles} particles, `
        + `${this.look.axes.map(axis => axis.name).join(" against ")}, at step ${each.run.steps[each.frame]}, phase `
        + each.run.phaseNames[each.run.phases[each.frame]]);
    }
    const lines = this.views.filter(each => each.followed >= 0)
      .map(each => `${this.views.length > 1 ? each.run.label + ": " : ""}${each.valuesOf(each.followed).join(", ")}`);
    if (this.followed !== null && !lines.length) lines.push(`no particle ${this.followed} is shown`);
    $("followed").setAttribute("aria-live", this.playing ? "off" : "polite");
    $("followed").textContent = lines.join(" - ");
  }

  // ---- controls

  listen() {
    for (const name of ["axis0", "axis1", "axis2", "colour", "tail"]) $(name).addEventListener("input", () => this.applyChoices());
    $("scrub").addEventListener("input", () => this.goTo(Number($("scrub").value)));
    $("play").addEventListener("click", () => this.play(!this.playing));
    $("follow").addEventListener("input", () => this.follow($("follow").value === "" ? null : Number($("follow").value)));
    document.addEventListener("keydown", event => this.key(event));
    window.addEventListener("resize", () => { this.resize(); this.curves.resize(); this.told = true; });
    const restyled = () => { this.applyChoices(); this.curves.redraw(); };
    dark.addEventListener("change", restyled);
    calm.addEventListener("change", () => { if (calm.matches) $("turn").checked = false; });
  }

  key(event) {
    const target = event.target.tagName, typing = target === "SELECT" || event.target.type === "number";
    if (event.ctrlKey || event.altKey || event.metaKey || (typing && event.key !== "Escape")) return;
    if (event.key === " " && (target === "BUTTON" || event.target.type === "checkbox")) return;
    if (event.target.id === "tail" && event.key !== " ") return;
    const far = event.shiftKey ? 10 : 1;
    const keys = {
      " ": () => this.play(!this.playing), ArrowRight: () => this.goTo(this.tick + far), ArrowUp: () => this.goTo(this.tick + far),
      ArrowLeft: () => this.goTo(this.tick - far), ArrowDown: () => this.goTo(this.tick - far), Home: () => this.goTo(0),
      End: () => this.goTo(this.clock.last), "+": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.zoom(0),
      t: () => { $("turn").checked = !$("turn").checked; }, Escape: () => this.follow(null),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  resize() {
    for (const view of this.views) view.resize();
    this.stale = true;
  }

  /** Shows newer data at the same place, or at the end where that was shown. */
  renew(payload, runs) {
    const atEnd = this.tick === this.clock.last, time = this.clock.ticks[this.tick];
    const chosen = ["axis0", "axis1", "axis2", "colour", "speed"].map(name => [$(name), $(name).value]);
    const turning = $("turn").checked;
    Object.assign(this, {payload, runs, clock: new Clock(runs)});
    this.fillChoices();
    chosen.forEach(([select, value]) => { select.value = value; });
    $("turn").checked = turning;
    this.buildViews();
    this.curves = new Curves($("curves"), payload, at => this.goTo(this.clock.tickAt(at)));
    this.applyChoices();
    this.follow(this.followed);
    this.goTo(atEnd ? this.clock.last : this.clock.tickAt(time));
  }

  /** Asks from time to time whether the run has gone on. */
  async watch() {
    const address = this.payload.live.replace(/\/$/, "");
    try {
      const answer = await fetch(address + "/version");
      if (!answer.ok) throw new Error(answer.status);
      const seen = await answer.text();
      if (this.seen !== undefined && seen !== this.seen) {
        const payload = {...await (await fetch(address + "/payload")).json(), live: this.payload.live};
        this.renew(payload, await Promise.all(payload.runs.map(readRun)));
      }
      this.seen = seen;
    } catch (error) {
      $("notes").textContent = "The server has gone, or cannot read the run; what is shown was read before.";
    }
    setTimeout(() => this.watch(), NEWS_MILLISECONDS);
  }
}

function refuse(sentence) {
  $("sentence").textContent = sentence;
  $("sentence").hidden = false;
}

async function begin() {
  if (typeof DecompressionStream === "undefined") {
    refuse("This browser cannot unpack the page's data (it has no DecompressionStream); a browser of 2023 or later can.");
    return;
  }
  const payload = JSON.parse($("payload").textContent);
  const runs = await Promise.all(payload.runs.map(readRun));
  $("main").hidden = false;
  window.page = new Page(payload, runs);
  if (payload.live !== null) window.page.watch();
  window.readyMilliseconds = performance.now();
}

begin().catch(error => refuse(`This page is damaged: ${error.message}.`));
