// What the pages do better with a script than without: all but copying works without.
"use strict";

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

// Buttons that copy, which are there only for those who can use them.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const said = button.querySelector("span");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      said.textContent = "Copied";
    } catch {
      said.textContent = "Not allowed";
    }
    setTimeout(() => {
      said.textContent = "Copy";
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
