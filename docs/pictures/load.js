// Sends requests to leaky.js: node load.js SECONDS PER_SECOND
const http = require("node:http");
const [seconds, rate] = process.argv.slice(2).map(Number);
let left = seconds * rate;
const timer = setInterval(() => {
  if (left-- <= 0) return clearInterval(timer);
  http.get(`http://127.0.0.1:8417/item/${left}`, (response) => response.resume()).on("error", () => {});
}, 1000 / rate);
