// A page in Chromium that can import the client, served from an origin of its own.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const FILES = {
  "/client/": new URL("../../", import.meta.url),
  "/axios/": new URL("../../../../node_modules/axios/dist/esm/", import.meta.url),
};
const PAGE = `<!doctype html><title>client</title>
<script type="importmap">{"imports": {"axios": "/axios/axios.js", "stripe402-client": "/client/index.js"}}</script>`;
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Starts what pages come from. It answers nothing but the client's files. */
export async function startSite() {
  const server = createServer(async (request, response) => {
    const [prefix, folder] = Object.entries(FILES).find(([start]) => request.url.startsWith(start)) ?? [];
    if (request.url === "/") response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    else if (!folder || !request.url.endsWith(".js")) response.writeHead(404).end();
    else {
      const file = await readFile(fileURLToPath(new URL(request.url.slice(prefix.length), folder))).catch(
        () => undefined,
      );
      response.writeHead(file ? 200 : 404, { "content-type": "text/javascript" }).end(file);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((done) => server.close(done).closeAllConnections()),
  };
}

/** Starts the system's Chromium. */
export function startChromium() {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path));
  if (!executablePath) throw new Error("Chromium is missing: apt-get install chromium, or name it in CHROMIUM");
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
}
