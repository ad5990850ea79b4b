for (const box of document.querySelectorAll("figure[data-frames]")) {
  const data = JSON.parse(document.getElementById(box.dataset.frames).textContent);
  const marks = Array.from(box.querySelectorAll("g.neurons circle"));
  const lines = Array.from(box.querySelectorAll("g.neurons line"));
  const slider = box.querySelector(".slider");
  const input = slider.querySelector("input");
  const output = slider.querySelector("output");
  const show = () => {
    const frame = data.frames[input.valueAsNumber];
    marks.forEach((mark, i) => {
      const x = frame.x[i] / 10, y = frame.y[i] / 10, positive = frame.signs[i] === "+";
      mark.setAttribute("cx", x);
      mark.setAttribute("cy", y);
      mark.setAttribute("r", frame.r[i] / 10);
      mark.setAttribute("class", positive ? "p np" : "p nn");
      if (data.arrows) {
        lines[i].setAttribute("x2", x);
        lines[i].setAttribute("y2", y);
        lines[i].setAttribute("class", positive ? "w wp" : "w wn");
      }
    });
    output.textContent = frame.label;
    input.setAttribute("aria-valuetext", frame.label);
  };
  const button = slider.querySelector("button");
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  };
  input.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => {
    if (timer) { stop(); return; }
    const last = data.frames.length - 1;
    if (input.valueAsNumber >= last) input.value = 0;
    button.textContent = "Stop";
    show();
    timer = setInterval(() => {
      input.value = input.valueAsNumber + 1;
      show();
      if (input.valueAsNumber >= last) stop();
    }, 250);
  });
  slider.hidden = false;
  show();
}
