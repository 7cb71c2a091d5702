// Copying is the one thing that pages cannot do by themselves; without this script the text can be selected.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const text = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected: press Ctrl+C"; // where the browser keeps the clipboard to itself
    }
  });
}
