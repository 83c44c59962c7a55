// A key for each answer: the buttons work without this, and so does the page.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.matches("input, textarea, select")) return;
  const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button && !button.form.dataset.sent) {
    event.preventDefault();
    button.form.dataset.sent = "yes";
    button.click();
  }
});
