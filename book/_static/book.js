// The theme makes wide code and tables focusable, so that the keyboard scrolls them, but it measures them
// only as the page loads: what is folded then has another width.
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("pre, .pst-scrollable-table-container")) boxes.observe(box);
});
