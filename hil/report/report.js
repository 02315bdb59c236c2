"use strict";
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const dt = page.period_s, at = tick => (tick - page.origin) * dt;  // a capture's time counts from its trigger
  const begin = at(page.first), end = at(Math.max(page.ticks, page.first + 1));
  const charts = [];
  let view = [begin, end], moving = false, fitLimits = false;

  const color = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
  const floats = text => Array.from(new Float32Array(bytes(text)), v => Number.isFinite(v) ? v : null);
  const number = v => v === null || v === undefined || !Number.isFinite(v) ? "–"
    : v === 0 ? "0" : Math.abs(v) >= 1e6 || Math.abs(v) < 1e-4 ? v.toExponential(3) : String(+v.toPrecision(5));
  const clock = t => t.toFixed(dt < 1e-3 ? 5 : 3);
  const element = (tag, css, text) => {
    const e = document.createElement(tag);
    if (css) e.className = css;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  /* ---- drawing under and over the lines ---- */

  function faultBands(u, plot, labels) {
    const { ctx, bbox } = u, names = plot.series.map(s => s.name);
    ctx.save();
    ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left"; ctx.textBaseline = "top";
    const rows = [];  // right ends of the labels in each row: overlapping ones go one row down
    for (const f of page.faults) {
      const x0 = u.valToPos(at(f.from), "x", true), x1 = u.valToPos(at(f.to), "x", true);
      if (x1 < bbox.left || x0 > bbox.left + bbox.width) continue;
      const own = names.includes(f.target);
      if (!labels) {
        ctx.globalAlpha = own ? 1 : .45;
        ctx.fillStyle = color("fault-band"); ctx.fillRect(x0, bbox.top, Math.max(1, x1 - x0), bbox.height);
        ctx.fillStyle = color("fault-edge");
        ctx.fillRect(x0, bbox.top, devicePixelRatio, bbox.height); ctx.fillRect(x1, bbox.top, devicePixelRatio, bbox.height);
      }
      if (!own || !labels) continue;
      const label = f.text.includes(f.target) ? f.text : `${f.target} ${f.text}`, left = Math.max(x0, bbox.left) + 5 * devicePixelRatio;
      let row = 0;
      while (rows[row] > left) row++;
      rows[row] = left + ctx.measureText(label).width + 8 * devicePixelRatio;
      ctx.fillStyle = color("fault");
      ctx.fillText(label, left, bbox.top + (4 + 14 * row) * devicePixelRatio);
    }
    ctx.restore();
  }

  function triggerLines(u) {
    const { ctx, bbox } = u;
    let free = bbox.left;  // where the next label has room
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left"; ctx.textBaseline = "bottom";
    ctx.strokeStyle = ctx.fillStyle = color("ink");
    ctx.lineWidth = devicePixelRatio; ctx.setLineDash([]);
    for (const mark of [...page.marks].sort((a, b) => a.tick - b.tick)) {
      const x = Math.round(u.valToPos(at(mark.tick), "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
      if (x < free) continue;
      ctx.fillText(mark.text, x + 4 * devicePixelRatio, bbox.top);
      free = x + ctx.measureText(mark.text).width + 12 * devicePixelRatio;
    }
    ctx.restore();
  }

  // A bracket over the time of each expectation of a signal in this plot, and a ring around the value that decided.
  function expectations(u, plot) {
    const { ctx, bbox } = u, px = devicePixelRatio, ends = [];
    ctx.save();
    ctx.font = `${11 * px}px system-ui, sans-serif`;
    ctx.textAlign = "left"; ctx.textBaseline = "bottom";
    ctx.lineWidth = 2 * px; ctx.setLineDash([]);
    for (const mark of [...page.expected].sort((a, b) => a.from - b.from)) {
      const i = plot.series.findIndex(s => s.name === mark.signal);
      if (i < 0 || !u.series[i + 1].show) continue;
      const x0 = Math.max(bbox.left, u.valToPos(at(mark.from), "x", true));
      const x1 = Math.min(bbox.left + bbox.width, Math.max(x0 + 3 * px, u.valToPos(at(mark.to), "x", true)));
      if (x1 <= bbox.left || x0 >= bbox.left + bbox.width) continue;
      let row = 0;
      while (ends[row] > x0) row++;
      const wide = ctx.measureText(mark.text).width;
      ends[row] = Math.max(x1, x0 + wide) + 8 * px;
      const y = bbox.top + bbox.height - (16 + 20 * row) * px;
      ctx.strokeStyle = ctx.fillStyle = color(mark.tone);
      ctx.beginPath(); ctx.moveTo(x0, y - 5 * px); ctx.lineTo(x0, y); ctx.lineTo(x1, y); ctx.lineTo(x1, y - 5 * px); ctx.stroke();
      ctx.fillText(mark.text, Math.min(x0 + 4 * px, bbox.left + bbox.width - wide), y - 2 * px);
      if (mark.seen === null) continue;
      const v = u.data[i + 1][u.valToIdx(at(mark.seen))];
      if (v === null || v === undefined) continue;
      ctx.beginPath(); ctx.arc(u.valToPos(at(mark.seen), "x", true), u.valToPos(v, "y", true), 5 * px, 0, 2 * Math.PI); ctx.stroke();
    }
    ctx.restore();
  }

  function limitLines(u, plot) {
    const { ctx, bbox } = u, seen = new Set();
    if (plot.digital) return;
    ctx.save();
    ctx.font = `${10.5 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "right";
    for (const [key, tone, dash] of [["limits", "bad", [7, 4]], ["range", "soft", [2, 3]]]) {
      for (const s of plot.series) for (const v of s[key] || []) {
        if (v === null || seen.has(v) || v < u.scales.y.min || v > u.scales.y.max) continue;
        seen.add(v);
        const y = Math.round(u.valToPos(v, "y", true));
        ctx.strokeStyle = ctx.fillStyle = color(tone);
        ctx.lineWidth = devicePixelRatio; ctx.setLineDash(dash.map(d => d * devicePixelRatio));
        ctx.beginPath(); ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y); ctx.stroke();
        const below = y - bbox.top < 16 * devicePixelRatio;
        ctx.textBaseline = below ? "top" : "bottom";
        ctx.fillText(`${key === "limits" ? "limit" : "range"} ${number(v)}`, bbox.left + bbox.width - 4 * devicePixelRatio, y + (below ? 3 : -2) * devicePixelRatio);
      }
    }
    ctx.restore();
  }

  function statusStrips(u, plot) {
    const { ctx, bbox } = u, thick = 4 * devicePixelRatio;
    let row = 0;
    ctx.save();
    ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height + 40); ctx.clip();
    plot.series.forEach((s, i) => {
      if (!s.status.length || !u.series[i + 1].show) return;
      const lane = plot.digital ? u.valToPos(s.base - .12, "y", true) : bbox.top + bbox.height - (++row) * (thick + 2 * devicePixelRatio);
      for (const [what, from, to] of s.status) {
        const x0 = u.valToPos(at(from), "x", true), x1 = u.valToPos(at(to), "x", true);
        ctx.fillStyle = color(what);
        ctx.fillRect(x0, lane, Math.max(devicePixelRatio, x1 - x0), thick);
      }
      if (!plot.digital) {  // whose strip it is
        ctx.fillStyle = color("s" + s.color % 8);
        ctx.fillRect(bbox.left, lane, 3 * devicePixelRatio, thick);
      }
    });
    ctx.restore();
  }

  /* ---- one plot ---- */

  function decode(plot) {
    const first = plot.first;
    plot.t = Array.from(new Uint32Array(bytes(plot.ticks)), k => at(first + k));
    plot.series.forEach((s, i) => {
      s.values = floats(s.data);
      delete s.data;
      s.base = (plot.series.length - 1 - s.order) * 1.5;
      s.drawn = plot.digital ? s.values.map(v => v === null ? null : s.base + (v > .5 ? 1 : 0)) : s.values;
    });
    delete plot.ticks;
  }

  // Least and greatest value in view. Safe values at the end of the run, when all else is over, do not count.
  function bounds(u, plot) {
    const [from, last] = u.series[0].idxs, tail = at(page.tail);
    let low = Infinity, high = -Infinity;
    for (const all of [false, true]) {
      plot.series.forEach((s, k) => {
        if (!u.series[k + 1].show) return;
        for (let i = from; i <= last; i++) {
          const v = s.values[i];
          if (v === null || !all && plot.t[i] > tail - dt / 2) continue;
          if (v < low) low = v;
          if (v > high) high = v;
        }
      });
      if (low <= high) break;
    }
    return [low, high];
  }

  function yRange(plot) {
    if (plot.digital) return [-.3, (plot.series.length - 1) * 1.5 + 1.3];
    return u => {
      let [low, high] = bounds(u, plot);
      if (low > high) return [0, 1];
      let span = high - low || Math.abs(high) * .02 || 1;
      for (const s of plot.series) for (const v of [...(s.range || []), ...(s.limits || [])]) {
        const near = v !== null && v > low - .4 * span && v < high + .4 * span;
        if (v !== null && (near || fitLimits)) { low = Math.min(low, v); high = Math.max(high, v); }
      }
      span = high - low || span;
      const strips = plot.series.filter(s => s.status.length).length;
      return [low - span * (.06 + .03 * strips), high + span * .1];
    };
  }

  function axes(plot) {
    const stroke = color("soft"), grid = { stroke: color("rule"), width: 1 }, ticks = { stroke: color("rule"), width: 1, size: 4 };
    const font = "11.5px system-ui, sans-serif";
    const y = { stroke, grid, ticks, font, size: 62, values: (u, vs) => vs.map(v => number(+v.toPrecision(8))) };
    if (plot.digital) {
      const lanes = [...plot.series].sort((a, b) => a.base - b.base);
      Object.assign(y, {
        splits: () => lanes.map(s => s.base + .5), size: 118, grid: { show: false }, ticks: { show: false },
        values: () => lanes.map(s => s.name.length > 18 ? s.name.slice(0, 17) + "…" : s.name),
      });
    }
    return [{ stroke, grid, ticks, font, size: 32, space: 70, values: (u, vs) => vs.map(v => +v.toPrecision(9) + " s") }, y];
  }

  function options(plot, width) {
    const narrow = width < 520;
    return {
      width, height: plot.digital ? 46 + 30 * plot.series.length : narrow ? 210 : 270,
      legend: { show: false },
      cursor: {
        sync: { key: "run", scales: ["x", null], setSeries: false },
        drag: { x: true, y: false, setScale: true, uni: 8 }, points: { size: 6 }, focus: { prox: -1 },
      },
      scales: { x: { time: false, range: (u, low, high) => [low, high] }, y: { range: yRange(plot) } },
      axes: axes(plot),
      series: [{}, ...plot.series.map((s, i) => ({
        label: s.name, stroke: color("s" + s.color % 8), width: s.setpoint || s.raw !== null ? 1.3 : 1.6,
        dash: s.setpoint ? [6, 4] : s.raw !== null ? [2, 3] : undefined,
        points: { show: false }, spanGaps: false, pxAlign: 0, show: s.hidden !== true,
        paths: plot.digital ? uPlot.paths.stepped({ align: 1 }) : undefined,
        fill: plot.digital ? color("s" + s.color % 8) + "22" : undefined,
        fillTo: plot.digital ? s.base : undefined,
      }))],
      hooks: {
        drawClear: [u => faultBands(u, plot, false)],
        draw: [u => { limitLines(u, plot); statusStrips(u, plot); faultBands(u, plot, true); expectations(u, plot); triggerLines(u); }],
        setScale: [(u, key) => { if (key === "x") zoom(u.scales.x.min, u.scales.x.max, u); }],
        setCursor: [u => readOut(u, plot)],
        ready: [u => moveWithShift(u)],
      },
    };
  }

  function build(plot, article) {
    const chart = { plot, article, box: article.querySelector(".canvas"), u: null };
    decode(plot);
    legend(chart);
    charts.push(chart);
    draw(chart);
  }

  function draw(chart) {
    if (chart.u) chart.u.destroy();
    const { plot, box } = chart;
    moving = true;  // its own first scale is no wish to zoom
    chart.u = new uPlot(options(plot, box.clientWidth), [plot.t, ...plot.series.map(s => s.drawn)], box);
    chart.u.setScale("x", { min: view[0], max: view[1] });
    moving = false;
  }

  /* ---- cursor and legend ---- */

  function legend(chart) {
    const { plot, article } = chart, table = element("table"), head = element("tr");
    const pair = p => p && p.some(v => v !== null) ? p.map(v => v === null ? "∞" : number(v)).join(" … ") : "";
    const columns = plot.digital
      ? [["Share at 1", "n", s => s.mean === null ? "–" : number(+(100 * s.mean).toPrecision(3)) + " %"], ["Changes", "n", s => s.changes.toLocaleString("en")]]
      : [["Min", "n", s => number(s.min)], ["Mean", "n", s => number(s.mean)], ["Max", "n", s => number(s.max)], ["Std", "n wide", s => number(s.std)]];
    if (plot.series.some(s => pair(s.range))) columns.push(["Range", "wide", s => pair(s.range)]);
    if (plot.series.some(s => pair(s.limits))) columns.push(["Limits", "wide", s => pair(s.limits)]);
    for (const [text, css] of [["Signal"], ["At the cursor", "n"], ...columns]) head.append(element("th", css, text));
    table.append(element("thead")); table.tHead.append(head);
    const body = element("tbody");
    for (const s of [...plot.series].sort((a, b) => a.order - b.order)) {
      const row = element("tr"), name = element("td"), line = element("i"), i = plot.series.indexOf(s);
      row.tabIndex = 0;
      row.title = "Click to hide or show";
      line.style.borderColor = `var(--s${s.color % 8})`;
      if (s.setpoint) line.style.borderTopStyle = "dashed";
      if (s.raw !== null) line.style.borderTopStyle = "dotted";
      name.append(line, s.name);
      s.cell = element("td", "n now", "–");
      row.append(name, s.cell, ...columns.map(([, css, text]) => element("td", css, text(s))));
      const toggle = () => { s.hidden = !s.hidden; row.classList.toggle("off", s.hidden); chart.u.setSeries(i + 1, { show: !s.hidden }); };
      row.addEventListener("click", toggle);
      row.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); toggle(); } });
      body.append(row);
    }
    table.append(body);
    article.querySelector(".legend").append(table);
  }

  function readOut(u, plot) {
    const i = u.cursor.idx, tick = i === null || i === undefined ? null : Math.round(plot.t[i] / dt) + page.origin;
    for (const s of plot.series) {
      s.cell.textContent = tick === null ? "–" : number(s.values[i]) + (plot.unit && !plot.digital ? " " + plot.unit : "");
      const span = tick === null ? null : s.status.find(([, from, to]) => from <= tick && tick < to);
      if (span) s.cell.append(element("span", "badge status", span[0]));
    }
    const t = tick === null ? null : plot.t[i];
    document.getElementById("span").textContent = t === null ? spanText() : `t = ${clock(t)} s, tick ${tick.toLocaleString("en")}`;
  }

  const spanText = () => `${clock(view[0])} s to ${clock(view[1])} s`;

  /* ---- zoom, for all plots at once ---- */

  function zoom(from, to, source) {
    if (moving || !(to > from)) return;
    moving = true;
    const whole = source && from <= source.data[0][0] + dt / 2 && to >= source.data[0][source.data[0].length - 1] - dt / 2;
    view = whole ? [begin, end] : [from, to];
    for (const { u } of charts) u.setScale("x", { min: view[0], max: view[1] });
    document.getElementById("span").textContent = spanText();
    // setScale is committed in a microtask: the echo of all plots must find the door closed.
    queueMicrotask(() => queueMicrotask(() => { moving = false; }));
  }

  function moveWithShift(u) {
    u.over.addEventListener("mousedown", e => {
      if (!e.shiftKey) return;
      e.preventDefault(); e.stopImmediatePropagation();
      const [from, to] = view, x0 = e.clientX, scale = (to - from) / u.over.clientWidth;
      const move = m => zoom(from - (m.clientX - x0) * scale, to - (m.clientX - x0) * scale);
      const up = () => { removeEventListener("mousemove", move); removeEventListener("mouseup", up); };
      addEventListener("mousemove", move); addEventListener("mouseup", up);
    }, true);
  }

  function buttons() {
    document.querySelectorAll("[data-from]").forEach(b => b.addEventListener("click", () => {
      const from = at(b.dataset.from), to = at(b.dataset.to), room = Math.max(.15 * (to - from), 20 * dt);
      zoom(Math.max(begin, from - room), Math.min(end, to + room));
    }));
    document.querySelector("[data-zoom=all]").addEventListener("click", () => zoom(begin, end));
    const fit = document.getElementById("limits");
    fit.addEventListener("click", () => {
      fitLimits = !fitLimits;
      fit.setAttribute("aria-pressed", fitLimits);
      charts.forEach(draw);
    });
  }

  /* ---- events ---- */

  function filterEvents() {
    const table = document.getElementById("event-table");
    if (!table) return;
    const text = document.getElementById("filter"), kind = document.getElementById("kind"), rows = [...table.tBodies[0].rows];
    const apply = () => {
      const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const line = row.textContent.toLowerCase();
        row.hidden = (kind.value && row.dataset.kind !== kind.value) || !words.every(w => line.includes(w));
        shown += !row.hidden;
      }
      document.getElementById("shown").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    };
    text.addEventListener("input", apply); kind.addEventListener("change", apply);
    apply();
  }

  /* ---- start ---- */

  document.querySelectorAll("article[data-plot]").forEach(article => {
    const key = article.dataset.plot, plot = key === "timing" ? page.timing : page.plots[key];
    if (plot) build(plot, article);
  });
  document.getElementById("span").textContent = spanText();
  buttons();
  filterEvents();
  let pending = 0;
  addEventListener("resize", () => {
    clearTimeout(pending);
    pending = setTimeout(() => charts.forEach(c => { if (c.u.width !== c.box.clientWidth) draw(c); }), 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(draw));
  addEventListener("beforeprint", () => { document.documentElement.classList.add("printing"); charts.forEach(draw); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("printing"); charts.forEach(draw); });
})();
