// A server that keeps a buffer, a string and 2,000 objects of each request.
const kept = [];
require("node:http")
  .createServer((request, response) => {
    const objects = Array.from({ length: 2000 }, (_, id) => ({ id, request: request.url }));
    kept.push({ body: Buffer.alloc(48 << 10, 1), text: request.url.repeat(100), objects });
    response.end("kept");
  })
  .listen(8417, "127.0.0.1");
