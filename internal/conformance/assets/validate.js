// Lets a file be dropped on the form. Without scripts the form works as it is.
"use strict";
(() => {
  const form = document.querySelector("form.drop");
  const input = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  document.documentElement.classList.add("scripted");

  const send = () => {
    button.disabled = true;
    button.textContent = "Checking…";
    form.submit();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.remove("over");
    });
  }
  document.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length === 0) return;
    input.files = event.dataTransfer.files;
    send();
  });
  // Coming back to the page must not leave the button out of use.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
    button.textContent = "Check";
  });
})();
