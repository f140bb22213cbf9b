// Improves pages that work without a script too. Only the copy buttons need it.
"use strict";

// Lets a screen reader speak a text. A modal dialog silences what is outside it, so it has a live
// region of its own.
const announce = (beside, text) => {
  const region = (beside.closest("dialog") ?? document.body).querySelector(":scope > .announcer");
  if (region === null) return;
  // The same text again is a change only after the region was empty.
  region.textContent = "";
  setTimeout(() => {
    region.textContent = text;
  }, 50);
};

// A form is submitted once. A second submission, or a link, would abort the first, and the answer to
// that may be the only one that holds a key.
const WORKING_MS = 15000;
let working = null;

const restoreForm = () => {
  if (working === null) return;
  const { form, button, content, timer } = working;
  working = null;
  clearTimeout(timer);
  form.removeAttribute("aria-busy");
  if (button === null) return;
  button.removeAttribute("aria-disabled");
  button.style.minWidth = "";
  button.replaceChildren(...content);
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (working !== null) {
    event.preventDefault();
    return;
  }
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  const button = event.submitter ?? form.querySelector("button:not([type=button])");
  const content = button === null ? [] : [...button.childNodes];
  // The server may never answer. Then the form can be sent again.
  const timer = setTimeout(restoreForm, WORKING_MS);
  working = { form, button, content, timer };
  form.setAttribute("aria-busy", "true");
  if (button !== null) {
    // A disabled button would lose the focus, and its own value would not be sent.
    button.style.minWidth = `${button.offsetWidth}px`;
    button.setAttribute("aria-disabled", "true");
    button.replaceChildren("Working…");
  }
  announce(form, "Working…");
});

document.addEventListener("click", (event) => {
  const control = event.target.closest("a[href], button, summary");
  if (control === null) return;
  if (working !== null) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  // The second click of a double click would act on the page that answers the first one.
  const acts = control.matches("a[href]") || control.type === "submit";
  if (event.detail > 1 && acts) event.preventDefault();
}, true);

// Escape would stop loading the answer.
document.addEventListener("keydown", (event) => {
  if (working === null || event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// The page may come back from the browser's memory as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) restoreForm();
});

// The answer to a form takes an address that can be loaded again. Back would show the browser's
// error about sending the form again.
const posted = document.querySelector("[data-address]");
if (posted !== null) history.replaceState(null, "", posted.dataset.address);

// The summary of what is wrong comes first.
document.querySelector("[data-problem]")?.focus();

// The dialog to make a key, in the place of the page to make one.
for (const opener of document.querySelectorAll("[data-dialog]")) {
  const dialog = document.getElementById(opener.dataset.dialog);
  if (dialog === null) continue;
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
  });
  for (const closer of dialog.querySelectorAll("[data-close]")) {
    closer.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
  }
}

// Presets tick boxes of their own form, and show which of them the boxes come to.
for (const preset of document.querySelectorAll("[data-scopes]")) {
  const scopes = preset.dataset.scopes.split(" ");
  const boxes = [...preset.closest("form").querySelectorAll("input[name=scope]")];
  const show = () => {
    const fits = boxes.every((box) => box.checked === scopes.includes(box.value));
    preset.setAttribute("aria-pressed", String(fits));
  };
  const choose = (event) => {
    event.preventDefault();
    for (const box of boxes) box.checked = scopes.includes(box.value);
    preset.closest("form").dispatchEvent(new Event("change"));
  };
  preset.setAttribute("role", "button");
  preset.addEventListener("click", choose);
  preset.addEventListener("keydown", (event) => {
    if (event.key === " ") choose(event);
  });
  preset.closest("form").addEventListener("change", show);
  show();
}

// A field that only one choice of another needs: data-shown-with="expires=on".
for (const field of document.querySelectorAll("[data-shown-with]")) {
  const [name, value] = field.dataset.shownWith.split("=");
  const choice = field.closest("form").elements.namedItem(name);
  const show = () => {
    field.hidden = choice.value !== value;
  };
  choice.addEventListener("change", show);
  show();
}

// A button that waits until the word beside it is typed.
for (const button of document.querySelectorAll("[data-confirmed-by]")) {
  const field = button.form.elements.namedItem(button.dataset.confirmedBy);
  const check = () => {
    button.disabled = field.value.trim() !== field.dataset.confirms;
  };
  field.addEventListener("input", check);
  check();
}

// Copy buttons are shown only where the browser can copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const label = button.querySelector("span");
  let timer = null;
  button.hidden = false;
  button.addEventListener("click", async () => {
    clearTimeout(timer);
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      label.textContent = "Copied";
      announce(button, "Copied.");
    } catch {
      label.textContent = "Not allowed";
      announce(button, "The browser did not allow copying. Select the text and copy it.");
    }
    timer = setTimeout(() => {
      label.textContent = "Copy";
    }, 2000);
  });
}

// What is shown once is taken out of the page as it is left: a browser may keep the page in memory,
// and bring it back as it was.
const once = document.querySelector("[data-shown-once]");
if (once !== null) {
  const forget = () => {
    once.replaceChildren();
    once.hidden = true;
    document.getElementById("secret-gone")?.classList.remove("hidden");
  };
  // Nor is it shown to who comes back to a page that was stored against its header.
  if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") forget();
  addEventListener("pagehide", forget);
  addEventListener("pageshow", (event) => {
    if (event.persisted) forget();
  });
}
