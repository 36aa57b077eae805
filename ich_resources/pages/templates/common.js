"use strict";
const $ = id => document.getElementById(id);
// Foreign text goes through textContent alone, so it is never markup.
function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== "") node.append(child);
  }
  return node;
}
function svg(tag, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
function bytes(text) {
  const found = atob(text), values = new Uint8Array(found.length);
  for (let i = 0; i < found.length; i++) values[i] = found.charCodeAt(i);
  return values;
}
function shares(text) {
  const raw = bytes(text), values = new Float32Array(raw.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = (raw[2 * i] | (raw[2 * i + 1] << 8)) / 65535;
  return values;
}
const num = (value, digits) => value === null || value === undefined ? "–" : value.toFixed(digits);
function jet(x) {
  const level = offset => Math.max(0, Math.min(1, 1.5 - Math.abs(4 * x - offset)));
  return [level(3) * 255, level(2) * 255, level(1) * 255];
}
const JET = Array.from({length: 256}, (_, i) => jet(i / 255));
// Colours a map: value(i) is 0..255; the opacity is strength times the value.
function colour(canvas, width, height, value, strength) {
  canvas.width = width; canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const v = value(i), c = JET[v];
    image.data[4 * i] = c[0]; image.data[4 * i + 1] = c[1]; image.data[4 * i + 2] = c[2];
    image.data[4 * i + 3] = strength * v;
  }
  context.putImageData(image, 0, 0);
}
