// The slider: pictures by frame, shown in place of the one each plot was made with.
"use strict";
const store = document.getElementById("film");
if (store) {
  const film = JSON.parse(store.textContent);
  const range = document.getElementById("frame");
  const at = document.getElementById("at");
  const play = document.getElementById("play");
  const images = Object.keys(film.pictures).map((id) => [document.getElementById(id), film.pictures[id]]);
  const last = film.labels.length - 1;
  let timer = null;

  const show = (k) => {
    for (const [image, pictures] of images) image.setAttribute("href", pictures[k]);
    at.textContent = film.labels[k];
    range.value = k;
    range.setAttribute("aria-valuetext", film.labels[k]);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "\u25b6";
    play.setAttribute("aria-label", "play");
  };
  const start = () => {
    play.textContent = "\u23f8";
    play.setAttribute("aria-label", "pause");
    timer = setInterval(() => show((Number(range.value) + 1) % (last + 1)), 250);
  };

  range.addEventListener("input", () => {
    stop();
    show(Number(range.value));
  });
  play.addEventListener("click", () => (timer === null ? start() : stop()));
  document.querySelector(".slider").hidden = false;
  show(last);
}
