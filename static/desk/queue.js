/* The queue page: fetches the rows when the socket says that something moved. */

import { Alerts } from "./alerts.js";
import { Board } from "./board.js";
import { startClock } from "./clock.js";
import { fetchFragments } from "./fragments.js";
import { bindKeys } from "./keyboard.js";
import { Live, oneAtATime } from "./live.js";

const place = document.getElementById("queue");
const board = new Board(place, document.getElementById("held"));
const alerts = new Alerts();
alerts.look(document);
startClock();

const refresh = oneAtATime(async () => {
  const fresh = await fetchFragments(place.dataset.fragments);
  alerts.look(fresh);
  board.offer(fresh);
});

new Live({
  refresh,
  onFrame: ({ type }) => ["queue", "hand_off"].includes(type) && refresh(),
  state: document.getElementById("connection"),
});

bindKeys({
  j: () => board.move(1),
  k: () => board.move(-1),
  t: () => board.take(),
});
