// A server that keeps a buffer, a string and 2,000 objects of each request, or only of the newest
// ones: node leaky.js [NUMBER]
const newest = Number(process.argv[2] ?? Infinity);
const kept = [];
require("node:http")
  .createServer((request, response) => {
    const objects = Array.from({ length: 2000 }, (_, id) => ({ id, request: request.url }));
    kept.push({ body: Buffer.alloc(48 << 10, 1), text: request.url.repeat(100), objects });
    if (kept.length > newest) kept.shift();
    response.end("kept");
  })
  .listen(8417, "127.0.0.1");
