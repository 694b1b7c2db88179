// @ts-check
// Server-sent events over fetch: EventSource cannot send the token's header.

import { open, Refused, Unauthorized } from "./api.js";

const AGAIN_AFTER_MS = 1000;
const SILENT_AFTER_MS = 10000; // there is an event every second

/**
 * Ends with Unauthorized when the token is refused.
 * @param {string} path of the events
 * @param {(name: string, value: any) => void} onEvent gets each event
 * @param {(state: "live" | "lost") => void} onConnection is called as the connection comes and goes
 */
export async function follow(path, onEvent, onConnection) {
  for (;;) {
    const cut = new AbortController();
    try {
      const reply = await open(path, { signal: cut.signal });
      if (!reply.ok || !reply.body) throw new Refused([`HTTP ${reply.status}`]);
      onConnection("live");
      await read(reply.body.getReader(), onEvent, cut);
    } catch (error) {
      if (error instanceof Unauthorized) throw error;
    }
    onConnection("lost");
    await new Promise(resume => setTimeout(resume, AGAIN_AFTER_MS));
  }
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {(name: string, value: any) => void} onEvent
 * @param {AbortController} cut
 */
async function read(reader, onEvent, cut) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const silent = setTimeout(() => cut.abort(), SILENT_AFTER_MS);
    const { done, value } = await reader.read();
    clearTimeout(silent);
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) dispatch(event, onEvent);
  }
}

/**
 * @param {string} event
 * @param {(name: string, value: any) => void} onEvent
 */
function dispatch(event, onEvent) {
  let name = "message", data = "";
  for (const line of event.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (data) onEvent(name, JSON.parse(data));
}
