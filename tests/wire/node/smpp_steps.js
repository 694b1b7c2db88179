// Runs steps with node-smpp and prints what came back.
//
//   node smpp_steps.js PORT PASSWORD STEPS
//
// STEPS is JSON: a list of {session, command, fields}, {session, receipts: N} (wait until the session has had N
// deliver_sm) and {session, close: true}. A session connects with its first step. A field "$2.message_id" is a
// field of the answer to step 2. Prints {answers: [one a step, null where there is none], receipts: {session: [...]}}.
'use strict';

const smpp = require('smpp');

const [port, password, steps] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const sessions = {};
const receipts = {};
const answers = [];

function plain(pdu) {
  const found = {};
  for (const [name, value] of Object.entries(pdu)) {
    found[name] = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  }
  const message = pdu.short_message && pdu.short_message.message;
  found.short_message = Buffer.isBuffer(message) ? message.toString('latin1') : message;
  return found;
}

function session(name) {
  if (sessions[name]) return Promise.resolve(sessions[name]);
  return new Promise((resolve, reject) => {
    const one = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => resolve(one));
    receipts[name] = [];
    one.on('error', reject);
    one.on('deliver_sm', (pdu) => {
      receipts[name].push(plain(pdu));
      one.send(pdu.response());
    });
    sessions[name] = one;
  });
}

function filled(fields) {
  const found = {};
  for (const [name, value] of Object.entries(fields || {})) {
    const reference = typeof value === 'string' && /^\$(\d+)\.(\w+)$/.exec(value);
    found[name] = reference ? answers[reference[1]][reference[2]] : value;
    if (value && value.hex !== undefined) found[name] = Buffer.from(value.hex, 'hex');
  }
  return found;
}

async function received(name, count) {
  const deadline = Date.now() + 10000;
  while (receipts[name].length < count) {
    if (Date.now() > deadline) throw new Error(`${name}: ${receipts[name].length} of ${count} receipts`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function main() {
  for (const step of steps) {
    const one = await session(step.session);
    if (step.receipts !== undefined) {
      await received(step.session, step.receipts);
      answers.push(null);
    } else if (step.close) {
      await new Promise((resolve) => one.close(resolve));
      answers.push(null);
    } else {
      const fields = filled(step.fields);
      if (step.command.startsWith('bind_')) Object.assign(fields, { system_id: 'node', password });
      answers.push(plain(await new Promise((resolve) => one[step.command](fields, resolve))));
    }
  }
  for (const one of Object.values(sessions)) one.destroy();
  console.log(JSON.stringify({ answers, receipts }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
