// Draws the pictures: each takes its numbers from its element, and its colours
// from the style sheet. The table beside it says the same without scripts.
(function () {
  "use strict";
  var lang = document.documentElement.lang;
  var hour = new Intl.DateTimeFormat(lang, { timeZone: "UTC", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  var number = new Intl.NumberFormat(lang, { maximumFractionDigits: 2, notation: "compact" });
  var drawn = [];

  function draw(el) {
    var style = getComputedStyle(document.documentElement);
    var colour = function (name) { return style.getPropertyValue(name).trim(); };
    var data = JSON.parse(el.dataset.points);
    var names = el.dataset.names ? JSON.parse(el.dataset.names) : null;
    var axis = { stroke: colour("--soft"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
    var x = Object.assign({}, axis, {
      values: function (u, splits) {
        return splits.map(function (v) {
          if (names) { return Number.isInteger(v) && names[v] !== undefined ? names[v] : ""; }
          return hour.format(new Date(v * 1000));
        });
      }
    });
    if (names) { x.rotate = -50; x.size = 90; x.splits = function () { return names.map(function (n, i) { return i; }); }; }
    var y = Object.assign({}, axis, { size: 64, values: function (u, splits) { return splits.map(function (v) { return v === null ? "" : number.format(v); }); } });
    var bars = uPlot.paths.bars({ size: [0.7, 60] });
    el.textContent = "";
    el.classList.add("drawn"); // before that it takes no room
    return new uPlot({
      width: el.clientWidth, height: 260, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: !names, range: names ? [-0.7, names.length - 0.3] : [data[0][0] - 1800, data[0][data[0].length - 1] + 1800] }, y: { range: { min: { pad: 0, soft: 0, mode: 1 }, max: { pad: 0.1, mode: 1, soft: 0 } } } },
      tzDate: function (ts) { return uPlot.tzDate(new Date(ts * 1000), "UTC"); },
      axes: [x, y],
      series: [{}, { stroke: colour("--accent"), fill: colour("--good-back"), width: 2, paths: bars, points: { show: false } }]
    }, data, el);
  }

  function all() {
    drawn.forEach(function (u) { u.destroy(); });
    drawn = Array.prototype.map.call(document.querySelectorAll("[data-points]"), draw);
  }
  if (!window.uPlot) { return; }
  all();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  var waiting = 0;
  window.addEventListener("resize", function () {
    clearTimeout(waiting);
    waiting = setTimeout(all, 150);
  });
})();
