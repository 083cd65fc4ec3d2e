// Interactive figures. figures/NAME.js sets figures[NAME] = mount, and mount(element, data, arrays) is called
// when the figure NAME comes near the view. Its picture stays for print, and where no script runs.
"use strict";
const figures = {};

// Make an element of HTML or SVG; an attribute that is a function listens to the event of its name.
const make = (tag, attributes = {}, ...children) => {
  const drawn = /^(svg|path|line|circle|rect|text)$/.test(tag);
  const element = document.createElementNS(`http://www.w3.org/${drawn ? "2000/svg" : "1999/xhtml"}`, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

// Put a text into an element with role="status", which is read out, once it has stopped changing.
const say = (status, text) => {
  clearTimeout(status.timer);
  status.timer = setTimeout(() => (status.textContent = text), 400);
};

document.addEventListener("DOMContentLoaded", () => {
  const start = (figure) => {
    const element = make("div", { class: "interactive-body" });
    const given = [...figure.querySelectorAll("script")].map((script) => JSON.parse(script.textContent));
    figures[figure.dataset.figure](element, ...given);
    figure.prepend(element);
    figure.classList.add("mounted");
  };
  const all = document.querySelectorAll("figure.interactive");
  if (!window.IntersectionObserver) return all.forEach(start);
  const seen = (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      start(target);
    }
  };
  const observer = new IntersectionObserver(seen, { rootMargin: "50%" });
  all.forEach((figure) => observer.observe(figure));
});
