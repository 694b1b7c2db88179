// @ts-check
// Server-sent events over fetch: EventSource cannot send the token's header.

import { open, Refused, Unauthorized } from "./api.js";

const AGAIN_AFTER_MS = 1000;
const SILENT_AFTER_MS = 10000; // there is a tick every second

// Calls hear(name, value) for each event and say("live" | "lost") as the connection comes and goes. Ends with
// Unauthorized when the token is refused.
export async function follow(hear, say) {
  for (;;) {
    const cut = new AbortController();
    try {
      const reply = await open("/admin/events", { signal: cut.signal });
      if (!reply.ok || !reply.body) throw new Refused([`HTTP ${reply.status}`]);
      say("live");
      await read(reply.body.getReader(), hear, cut);
    } catch (error) {
      if (error instanceof Unauthorized) throw error;
    }
    say("lost");
    await new Promise(resume => setTimeout(resume, AGAIN_AFTER_MS));
  }
}

async function read(reader, hear, cut) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const silent = setTimeout(() => cut.abort(), SILENT_AFTER_MS);
    const { done, value } = await reader.read();
    clearTimeout(silent);
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) tell(event, hear);
  }
}

function tell(event, hear) {
  let name = "message", data = "";
  for (const line of event.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (data) hear(name, JSON.parse(data));
}
