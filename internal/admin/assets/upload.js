// Shows how much of an upload has been sent. Without scripts the browser does.
(function () {
  "use strict";
  document.addEventListener("htmx:xhr:progress", function (e) {
    var form = e.target.closest && e.target.closest("[data-upload]");
    var bar = form && form.querySelector("progress");
    if (!bar || !e.detail.lengthComputable) { return; }
    bar.hidden = false;
    bar.max = e.detail.total;
    bar.value = e.detail.loaded;
  });
})();
