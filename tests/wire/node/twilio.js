// Sends by the official JavaScript client, takes the status callbacks and validates their signatures.
// Arguments: provider URL, token, account sid, messaging service sid. Prints what it saw as JSON.
const http = require("node:http");
const twilio = require("twilio");

const [providerUrl, token, accountSid, serviceSid] = process.argv.slice(2);
const DEADLINE_MS = 20_000;

class ProviderHttpClient extends twilio.RequestClient {
  request(options) {
    const { pathname, search } = new URL(options.uri);
    return super.request({ ...options, uri: providerUrl + pathname + search });
  }
}

const client = twilio(accountSid, token, { httpClient: new ProviderHttpClient() });
const callbacks = [];
let awaited = () => {};

const receiver = http.createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    const parameters = Object.fromEntries(new URLSearchParams(body));
    const url = `http://${request.headers.host}${request.url}`;
    const signature = request.headers["x-twilio-signature"];
    callbacks.push({
      status: parameters.MessageStatus,
      target: request.url,
      valid: twilio.validateRequest(token, signature, url, parameters),
      forged: twilio.validateRequest(token, signature, url, { ...parameters, To: "+48500100299" }),
      authorization: request.headers.authorization,
      userAgent: request.headers["user-agent"],
      idempotencyToken: request.headers["i-twilio-idempotency-token"],
    });
    response.writeHead(204).end();
    awaited();
  });
});

function called(count) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${callbacks.length} callbacks`)), DEADLINE_MS);
    awaited = () => {
      if (callbacks.length < count) return;
      clearTimeout(timer);
      resolve();
    };
    awaited();
  });
}

async function main() {
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${receiver.address().port}`;
  const statusCallback = `http://joe:s3cret@${address}/st?x=1&note=it's%20ż#part`;
  const wanted = { to: "+48500100200", messagingServiceSid: serviceSid, body: "Hello", statusCallback };
  const message = await client.messages.create({ ...wanted, mediaUrl: ["http://127.0.0.1/a.png"] });
  await called(3);
  const numbers = await client.incomingPhoneNumbers.list();
  const media = await client.messages(message.sid).media.list();
  const feedback = await client.messages(message.sid).feedback.create({ outcome: "confirmed" });
  const unknown = await client.messages("SM" + "0".repeat(32)).fetch().catch((error) => error);
  console.log(
    JSON.stringify({
      sid: message.sid,
      first: message.status,
      last: (await client.messages(message.sid).fetch()).status,
      numbers: numbers.map((number) => number.phoneNumber),
      media: media.length,
      feedback: feedback.outcome,
      unknown: unknown.code,
      callbacks,
    }),
  );
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
