"use strict";
// The page's one idea: a moment of training. The slider or a pointer on a curve chooses it; samples, cursors and legends follow.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg", WIDTH = 520, HEIGHT = 260, LEFT = 52, RIGHT = 14, TOP = 10, BOTTOM = 34;

  const make = (name, attributes, parent) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (parent) parent.append(node);
    return node;
  };

  const shown = (value) => {
    const size = Math.abs(value);
    if (value === 0) return "0";
    if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
    if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
    return size < 1e-3 ? value.toExponential(1) : `${+value.toPrecision(3)}`;
  };

  const ticks = (low, high, log) => {
    if (log && high / low > 10) {
      const found = [], every = Math.max(1, Math.ceil((Math.log10(high) - Math.log10(low)) / 5));
      for (let e = Math.ceil(Math.log10(low) - 1e-9); 10 ** e <= high * 1.000001; e += every) found.push(10 ** e);
      return found;
    }
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(i * step);
    return found;
  };

  const scale = (values, from, to, log, pad) => {
    let low = Math.min(...values), high = Math.max(...values);
    if (low === high) { low -= log ? low / 2 : 0.5; high += log ? high : 0.5; }
    if (pad && !log) { const room = 0.05 * (high - low); if (low !== 0) low -= room; high += room; }
    const way = log ? Math.log : (x) => x, back = log ? Math.exp : (x) => x;
    const place = (x) => from + ((way(x) - way(low)) / (way(high) - way(low))) * (to - from);
    const value = (at) => back(way(low) + (Math.min(Math.max((at - from) / (to - from), 0), 1)) * (way(high) - way(low)));
    return { place, value, low, high };
  };

  const path = (xs, ys, x, y) => xs.map((value, i) => `${i ? "L" : "M"}${x(value).toFixed(1)} ${y(ys[i]).toFixed(1)}`).join("");

  // All charts of runs share one range of steps, or the cursor would stand elsewhere in each.
  const span = data.steps.length ? [0, Math.max(...data.steps, ...data.charts.flatMap((chart) => chart.series.flatMap((one) => one.x)))] : [];

  // Of several runs, each has its color in every chart, and what is drawn of it differs by dashes.
  const DASHES = ["none", "6 3", "2 3", "9 3 2 3"];
  const look = (one, number, chart) => {
    if (data.frames.length < 2) return [number, number >= 10 ? "5 3" : "none"];
    const place = chart.series.filter((other) => other.run === one.run).indexOf(one);
    return [one.run, DASHES[place % DASHES.length]];
  };

  function draw(chart, element) {
    const all = (key) => chart.series.flatMap((one) => one[key] || []).filter((value) => value !== null);
    const across = scale([...all("x"), ...span], LEFT, WIDTH - RIGHT, chart.xlog, false);
    const up = scale([...all("y"), ...all("low"), ...all("high")], HEIGHT - BOTTOM, TOP, chart.log, true);
    const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
    for (const value of ticks(up.low, up.high, chart.log)) {
      const y = up.place(value);
      make("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }, svg);
      make("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, svg).textContent = shown(value);
    }
    for (const value of ticks(across.low, across.high, chart.xlog)) {
      make("text", { x: across.place(value), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, svg).textContent = shown(value);
    }
    make("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 2, "text-anchor": "middle" }, svg).textContent = chart.xlabel || data.xlabel;
    for (const mark of chart.marks || []) {
      if (mark.x < across.low || mark.x > across.high) continue;
      const line = make("line", { class: `mark ${mark.level}`, x1: across.place(mark.x), x2: across.place(mark.x), y1: TOP, y2: HEIGHT - BOTTOM }, svg);
      make("title", {}, line).textContent = `${mark.label} at step ${mark.x}`;
    }
    const legend = element.parentElement.querySelector(".legend");
    const readouts = chart.series.map((one, number) => {
      const [hue, dash] = look(one, number, chart);
      const color = `var(--c${hue % 10})`;
      if (one.low) {
        const back = [...one.x.keys()].reverse();
        const area = path(one.x, one.high, across.place, up.place) + back.map((i) => `L${across.place(one.x[i]).toFixed(1)} ${up.place(one.low[i]).toFixed(1)}`).join("") + "Z";
        make("path", { d: area, fill: color, opacity: 0.16 }, svg);
      }
      make("path", { d: path(one.x, one.y, across.place, up.place), fill: "none", stroke: color, "stroke-width": 1.8, "stroke-linejoin": "round", "stroke-dasharray": dash }, svg);
      if (one.dots) one.x.forEach((value, i) => make("circle", { cx: across.place(value), cy: up.place(one.y[i]), r: 3, fill: color }, svg));
      const item = document.createElement("li"), swatch = document.createElement("i"), text = document.createElement("span");
      swatch.style.borderTop = `3px ${dash === "none" ? "solid" : dash === "2 3" ? "dotted" : "dashed"} ${color}`;
      text.textContent = one.name;
      item.append(swatch, text);
      legend.append(item);
      return text;
    });
    const cursor = make("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }, svg);
    element.append(svg);
    const move = (x) => {
      const at = Math.min(Math.max(across.place(x), LEFT), WIDTH - RIGHT);
      for (const [key, value] of Object.entries({ x1: at, x2: at, visibility: "visible" })) cursor.setAttribute(key, value);
      chart.series.forEach((one, number) => {
        let at = 0;
        while (at + 1 < one.x.length && one.x[at + 1] <= x) at++;
        readouts[number].textContent = `${one.name} ${shown(one.y[at])}`;
      });
    };
    const rest = () => {
      cursor.setAttribute("visibility", "hidden");
      chart.series.forEach((one, number) => { readouts[number].textContent = one.name; });
    };
    const pointed = (event) => {
      const box = svg.getBoundingClientRect();
      return across.value(((event.clientX - box.left) / box.width) * WIDTH);
    };
    return { svg, move, rest, pointed };
  }

  const charts = [...document.querySelectorAll(".plot")].map((element) => draw(data.charts[+element.dataset.chart], element));

  const slider = document.getElementById("time");
  if (slider) {
    const images = [...document.querySelectorAll(".frame")];
    const at = (step) => {
      for (const image of images) {
        const frames = data.frames[+image.dataset.run];
        const frame = frames.filter((one) => one.step <= step).pop() || frames[0];
        image.src = frame.src;
        image.dataset.step = frame.step;
      }
      document.getElementById("now").textContent = `step ${step.toLocaleString("en")}`;
      for (const chart of charts) chart.move(step);
    };
    const show = () => {
      at(data.steps[+slider.value]);
      slider.setAttribute("aria-valuetext", document.getElementById("now").textContent);
    };
    for (const { svg, pointed } of charts) {
      svg.addEventListener("pointermove", (event) => at(Math.round(pointed(event))));
      svg.addEventListener("pointerleave", show);
      svg.addEventListener("click", (event) => {
        const step = pointed(event), far = data.steps.map((one) => Math.abs(one - step));
        slider.value = far.indexOf(Math.min(...far));
        show();
      });
    }
    const place = /^#at=(\d+)$/.exec(location.hash);  // a live page comes back to where it was
    if (place) slider.value = place[1];
    slider.addEventListener("input", show);
    const button = document.getElementById("play");
    let timer = 0;
    const stop = () => { clearInterval(timer); timer = 0; button.textContent = "▶"; button.setAttribute("aria-label", "Play"); };
    button.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      button.textContent = "❚❚";
      button.setAttribute("aria-label", "Pause");
      show();
      timer = setInterval(() => {
        slider.value = +slider.value + 1;
        show();
        if (slider.value === slider.max) stop();
      }, 250);
    });
    show();
  } else {
    for (const { svg, move, rest, pointed } of charts) {
      svg.addEventListener("pointermove", (event) => move(pointed(event)));
      svg.addEventListener("pointerleave", rest);
    }
  }

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
})();
