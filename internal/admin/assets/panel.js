// What pages can do beyond their forms: follow what happens, copy a text, and
// show at once what a file field has chosen. All of it works without scripts too.
(function () {
  "use strict";

  // Buttons that copy appear only where they work.
  function wire(scope) {
    scope.querySelectorAll("[data-copy]").forEach(function (button) {
      if (!navigator.clipboard || button.dataset.wired) { return; }
      button.dataset.wired = "1";
      button.hidden = false;
      button.addEventListener("click", function () {
        var field = document.querySelector(button.dataset.copy);
        if (!field) { return; }
        navigator.clipboard.writeText(field.value === undefined ? field.textContent : field.value).then(function () {
          var before = button.textContent;
          button.textContent = button.dataset.copied;
          setTimeout(function () { button.textContent = before; }, 2000);
        });
      });
    });
  }
  wire(document);
  document.addEventListener("htmx:afterSwap", function (e) { wire(e.target); });

  // A dangerous act asks once more.
  document.addEventListener("submit", function (e) {
    var ask = e.submitter && e.submitter.dataset.ask || e.target.dataset.ask;
    if (!ask) { return; }
    if (!window.confirm(ask)) { e.preventDefault(); e.stopImmediatePropagation(); return; }
    // The server asks those who have no scripts, and wants to know who was asked.
    var sure = e.target.elements.sure || e.target.appendChild(document.createElement("input"));
    sure.type = "hidden";
    sure.name = "sure";
    sure.value = "1";
  }, true);

  // The second half of a double click would turn a switch back, as the row has
  // answered the first by then, and send any other form twice.
  document.addEventListener("click", function (e) {
    if (e.detail > 1 && e.target.closest("[role=switch], form[method=post] button")) { e.preventDefault(); e.stopImmediatePropagation(); }
  }, true);

  // Answers of the panel say what comes next. Where a proxy answers in its place,
  // or nobody does, the page would stand as if nothing had been asked for.
  function unanswered(e) {
    var flash = document.getElementById("flash");
    if (!flash || e.detail.requestConfig.verb === "get") { return; }
    var bar = e.target.querySelector("progress");
    if (bar) { bar.hidden = true; }
    var note = document.createElement("p");
    note.className = "note bad";
    note.setAttribute("role", "alert");
    note.textContent = e.detail.xhr.status === 413 ? document.body.dataset.toolarge : document.body.dataset.unanswered;
    flash.replaceChildren(note);
    note.scrollIntoView({ block: "center" });
  }
  ["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach(function (name) { document.addEventListener(name, unanswered); });

  // Who has turned a switch stands at it again where the whole page comes anew.
  document.addEventListener("submit", function (e) {
    if (e.defaultPrevented || !e.target.matches(".switch")) { return; }
    try { sessionStorage.setItem("feedmill-switch", e.target.getAttribute("action")); } catch (x) { /* then he does not */ }
  });
  try {
    var turned = sessionStorage.getItem("feedmill-switch");
    sessionStorage.removeItem("feedmill-switch");
    document.querySelectorAll(".switch").forEach(function (form) {
      if (turned && form.getAttribute("action") === turned) { form.querySelector("button").focus(); turned = null; }
    });
  } catch (x) { /* as above */ }

  // Elements with data-live="runs held" are loaded anew when one of these changes.
  var address = document.body.dataset.events;
  var followers = document.querySelectorAll("[data-live]");
  if (!address || !followers.length || !window.EventSource) { return; }
  var source = new EventSource(address);
  var waiting = {};
  ["audit", "runs", "held", "imports", "downloads"].forEach(function (topic) {
    source.addEventListener(topic, function () {
      document.querySelectorAll("[data-live]").forEach(function (el) {
        if (el.dataset.live.split(" ").indexOf(topic) < 0 || !el.id || waiting[el.id]) { return; }
        // What somebody is typing in, or about to press, stays.
        if (el.contains(document.activeElement)) { return; }
        waiting[el.id] = true;
        setTimeout(function () {
          delete waiting[el.id];
          if (window.htmx) {
            window.htmx.ajax("GET", location.pathname + location.search, { target: "#" + el.id, select: "#" + el.id, swap: "outerHTML" });
          }
        }, 250);
      });
    });
  });
  window.addEventListener("pagehide", function () { source.close(); });
})();
