// SPDX-License-Identifier: MIT
// Signals through `millrace serve`, from Node without packages:  node client.js DIR/socket SYMBOL
"use strict";
const net = require("net");
const readline = require("readline");

function connect(path) {
  const socket = net.connect(path);
  const waiting = []; // replies come in the order of the requests
  readline.createInterface({ input: socket }).on("line", (line) => {
    const reply = JSON.parse(line);
    const { resolve, reject } = waiting.shift();
    if (reply.ok) resolve(reply);
    else reject(new Error(`${reply.error}: ${reply.text}`));
  });
  socket.on("error", (error) => waiting.splice(0).forEach((one) => one.reject(error)));
  socket.on("close", () => waiting.splice(0).forEach((one) => one.reject(new Error("closed"))));
  let count = 0;
  const ask = (verb, fields = {}) => new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    socket.write(JSON.stringify({ id: ++count, verb, ...fields }) + "\n");
  });
  return Object.assign(ask, { close: () => socket.destroy() });
}

async function main(ask, symbol) {
  await ask("hello", { version: 1 });
  await ask("subscribe", { subscription: "example-js", kind: "signal.generated", source: "client-js" });
  const emitted = await ask("emit", {
    symbol, side: "short", source: "client-js", confidence: 0.6, data: { why: "an example" },
  });
  console.log("emitted", emitted.signals[0].id, emitted.durability);
  const { event } = await ask("next", { subscription: "example-js", timeout_ms: 60000 });
  console.log("event", event.event, event.signal_id);
  await ask("ack", { subscription: "example-js", seq: event.seq });
  console.log("state", (await ask("get", { signal: event.signal_id })).signal.state);
  await ask("quit");
}

if (process.argv.length !== 4) {
  console.error("usage: client.js DIR/socket SYMBOL");
  process.exit(2);
}
const ask = connect(process.argv[2]);
main(ask, process.argv[3]).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
}).finally(ask.close); // an open socket would keep the program alive
