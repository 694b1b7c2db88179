// Makes every call of the official JavaScript client that a sender uses, and prints the result of each.
// Arguments: the provider's URL with /api, and the token.
const { SMSAPI } = require("smsapi");

const [url, token] = process.argv.slice(2);
const smsapi = new SMSAPI(token, url);
const NUMBER = "48500100200", OTHER = "48500100201";
const results = {};

async function call(name, made) {
  try {
    const value = await made();
    results[name] = { value: value === undefined ? null : value };
    return value;
  } catch (error) {
    const body = error.responseBody ? JSON.parse(error.responseBody) : null;
    results[name] = { error: error.name, status: error.status ?? null, data: error.data ?? body ?? String(error) };
  }
}

async function sending() {
  await call("one", () => smsapi.sms.sendSms(NUMBER, "Hello", { idx: "js-1", checkIdx: true, from: "Shop" }));
  await call("repeated", () => smsapi.sms.sendSms(NUMBER, "Hello", { idx: "js-1", checkIdx: true }));
  await call("many", () => smsapi.sms.sendSms(["+48500100200", "123", OTHER], "zażółć"));
  await call("params", () => smsapi.sms.sendSms([NUMBER, OTHER], "Hi [%1%]", { param1: "Ann|Bo" }));
  await call("flash", () => smsapi.sms.sendFlashSms(NUMBER, "x", { fast: true, normalize: true, maxParts: 2 }));
  await call("flash_special", () => smsapi.sms.sendFlashSms(NUMBER, "ż"));
  await call("past", () => smsapi.sms.sendSms(NUMBER, "x", { date: new Date(Date.now() - 3600e3) }));
  const later = await call("later", () =>
    smsapi.sms.sendSms(NUMBER, "x", { date: new Date(Date.now() + 3600e3), expirationDate: new Date(Date.now() + 7200e3) }));
  await call("removed", () => smsapi.sms.removeScheduledSms([later.list[0].id]));
  await call("removed_again", () => smsapi.sms.removeScheduledSms(later.list[0].id));
  await call("nounicode", () => smsapi.sms.sendSms(NUMBER, "ż", { noUnicode: true }));
  await call("test_only", () => smsapi.sms.sendSms(NUMBER, "x", { test: true }));
  await call("bad_sender", () => smsapi.sms.sendSms(NUMBER, "x", { from: "Sklep#1" }));
}

async function services() {
  await call("hlr_one", () => smsapi.hlr.check(NUMBER, "r-1"));
  await call("hlr_wrong", () => smsapi.hlr.check("48500"));
  await call("hlr_several", () => smsapi.hlr.check([NUMBER, "48500"], ["r-1", "r-2"]));
  await call("profile", () => smsapi.profile.get());
  const code = await call("code", () => smsapi.mfa.generateCode("+48500100200"));
  await call("code_named", () => smsapi.mfa.generateCode(OTHER, { from: "Bank", content: "PIN [%code%]", fast: true }));
  await call("code_wrong", () => smsapi.mfa.verifyCode(NUMBER, code.code === "000000" ? "111111" : "000000"));
  await call("code_right", () => smsapi.mfa.verifyCode(NUMBER, code.code));
  await call("code_landline", () => smsapi.mfa.generateCode("48221002000"));
  await call("name_added", () => smsapi.sendernames.create("Shop"));
  await call("name_default", () => smsapi.sendernames.makeDefault("Shop"));
  await call("name", () => smsapi.sendernames.getBySender("Shop"));
  await call("names", () => smsapi.sendernames.get());
  await call("name_removed", () => smsapi.sendernames.remove("Shop"));
  await call("name_gone", () => smsapi.sendernames.getBySender("Shop"));
}

async function contacts() {
  const details = { firstName: "Ann", lastName: "Nowak", email: "ann@example.com", gender: "female", city: "Gliwice",
    birthdayDate: new Date("1986-10-04") };
  const ann = await call("contact", () => smsapi.contacts.create(NUMBER, details));
  const bo = await call("contact_bare", () => smsapi.contacts.create("500100201"));
  await call("contact_by_id", () => smsapi.contacts.getById(ann.id));
  await call("contact_changed", () => smsapi.contacts.update(bo.id, { firstName: "Bo" }));
  await call("contacts", () => smsapi.contacts.get());
  await call("contacts_found", () => smsapi.contacts.get({ phoneNumber: [NUMBER], orderBy: "first_name", limit: 1 }));
  const group = await call("group", () => smsapi.contacts.groups.create("friends", { description: "d", idx: "g-1" }));
  await call("group_twice", () => smsapi.contacts.groups.create("friends"));
  await call("group_changed", () => smsapi.contacts.groups.update(group.id, { description: "all of them" }));
  await call("assigned", () => smsapi.contacts.assignContactToGroup(ann.id, group.id));
  await call("assigned_other", () => smsapi.contacts.assignContactToGroup(bo.id, group.id));
  await call("groups_of", () => smsapi.contacts.getGroups(ann.id));
  await call("group_of", () => smsapi.contacts.getGroupById(ann.id, group.id));
  await call("groups", () => smsapi.contacts.groups.get());
  await call("group_by_id", () => smsapi.contacts.groups.getById(group.id));
  await call("to_group", () => smsapi.sms.sendSmsToGroup("friends", "Hello all"));
  await call("to_no_group", () => smsapi.sms.sendFlashSmsToGroup("unknown", "Hello"));
  await call("unpinned", () => smsapi.contacts.unpinContactFromGroup(bo.id, group.id));
  await call("to_smaller_group", () => smsapi.sms.sendSmsToGroup(["friends"], "Hello"));
  await call("contact_removed", () => smsapi.contacts.remove(ann.id));
  await call("contact_gone", () => smsapi.contacts.getById(ann.id));
  await call("group_removed", () => smsapi.contacts.groups.remove(group.id, true));
  await call("group_gone", () => smsapi.contacts.groups.getById(group.id));
}

async function templates() {
  const made = await call("template", () => smsapi.templates.create({ name: "code", template: "Kod: [%1%] ż", normalize: true }));
  await call("templates", () => smsapi.templates.get());
  await call("template_by_id", () => smsapi.templates.getById(made.id));
  await call("template_changed", () => smsapi.templates.update(made.id, { template: "Kod [%1%] ż" }));
  await call("template_sent", () => smsapi.sms.sendSms(NUMBER, "", { template: "code", param1: "123" }));
  await call("template_unknown", () => smsapi.sms.sendSms(NUMBER, "", { template: "none" }));
  await call("template_removed", () => smsapi.templates.remove(made.id));
  await call("template_gone", () => smsapi.templates.getById(made.id));
}

async function notServed() {
  await call("subusers", () => smsapi.subusers.get());
  await call("fields", () => smsapi.contacts.fields.get());
  await call("mms", () => smsapi.mms.sendMms(NUMBER, "s", "<smil></smil>"));
  await call("vms", () => smsapi.vms.sendVms(NUMBER, "Hello"));
}

sending().then(services).then(contacts).then(templates).then(notServed)
  .then(() => console.log(JSON.stringify(results)));
