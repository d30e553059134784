// The blind comparison of docs/blind.md. A row of the table on the page is a pair: a link to a
// recording, and a link to what was made of its mel.
(() => {
  const details = document.getElementById("pairs");
  if (!details) return;

  const shuffled = (items) => {
    const left = [...items];
    for (let i = left.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [left[i], left[j]] = [left[j], left[i]];
    }
    return left;
  };

  // The probability that a guesser is right at least so often, of n times.
  const pOf = (right, n) => {
    let ways = 0;
    for (let k = right; k <= n; k++) {
      let choices = 1;
      for (let i = 1; i <= k; i++) choices = (choices * (n - k + i)) / i;
      ways += choices;
    }
    return ways / 2 ** n;
  };

  const element = (tag, text = "", properties = {}) =>
    Object.assign(document.createElement(tag), { textContent: text }, properties);

  const button = (text, onclick) =>
    element("button", text, { type: "button", className: "md-button md-button--primary", onclick });

  const row = (label, ...buttons) => {
    const group = element("p", "", { style: "display: flex; flex-wrap: wrap; gap: 0.5em" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    group.append(...buttons);
    return group;
  };

  const place = element("section");
  place.setAttribute("aria-label", "Blind comparison");
  const status = element("p", "", { tabIndex: -1 });
  status.setAttribute("role", "status");
  details.before(place);

  const begin = () => {
    const pairs = shuffled(details.querySelectorAll("tbody tr")).map((line) => {
      const [recording, made] = [...line.querySelectorAll("a")].map((link) => link.href);
      const sounds = shuffled([recording, made]);
      return { name: line.cells[0].textContent, sounds, right: sounds.indexOf(recording) };
    });
    const chosen = [];
    const title = () => `Pair ${chosen.length + 1} of ${pairs.length}`;
    let players, heard;

    const next = () => {
      heard = new Set();
      players = pairs[chosen.length].sounds.map((source) => new Audio(source));
      status.textContent = title();
    };

    const play = async (i) => {
      const [of, player] = [heard, players[i]];
      players.forEach((other) => other.pause());
      player.currentTime = 0;
      try {
        await player.play();
        of.add(i);
      } catch (error) {
        // The other button interrupts a sound that is still loading.
        if (error.name !== "AbortError") status.textContent = "This sound cannot be played here.";
      }
    };

    const answer = (i) => {
      if (heard.size < 2) {
        status.textContent = `${title()}: listen to both first`;
        return;
      }
      players.forEach((player) => player.pause());
      chosen.push(i);
      if (chosen.length === pairs.length) return finish();
      next();
      playA.focus();
    };

    const finish = () => {
      const right = pairs.filter((pair, i) => pair.right === chosen[i]).length;
      const p = pOf(right, pairs.length);
      const list = element("ol");
      pairs.forEach(({ name, right }, i) => {
        const said = right === chosen[i] ? "as you said" : `you said ${"AB"[chosen[i]]}`;
        list.append(element("li", `${name}: the recording was ${"AB"[right]}, ${said}`));
      });
      const meaning = p <= 0.05 ? "You probably hear a difference." : "That may well be chance.";
      status.textContent =
        `You found the recording in ${right} of ${pairs.length} pairs. Someone who guesses does at ` +
        `least as well with a probability of p = ${p.toFixed(3)} (one-sided binomial). ${meaning}`;
      place.replaceChildren(status, list, row("Once more", button("Begin again", again)));
      details.open = true;
      status.focus();
    };

    const playA = button("Play A", () => play(0));
    const playB = button("Play B", () => play(1));
    const answers = [0, 1].map((i) => button(`${"AB"[i]} is the recording`, () => answer(i)));
    place.replaceChildren(status, row("Listen", playA, playB), row("Answer", ...answers));
    next();
    return playA;
  };

  const again = () => {
    details.open = false;
    begin().focus();
  };

  begin();
})();
