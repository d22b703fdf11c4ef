// A practice of its own for a test: settings, keys, two invented patients, a token, a server.
import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, freePort, remove, sotto, start, until } from "../sotto.mjs";

export const PHONE = "+12025550101";
// A one-time code: the one thing that goes at any hour of the patient's day.
export const CODE = { purpose: "treatment", template: "id_code", values: { code: "482913", minutes: "10" } };
const MRN = "urn:sotto:mrn";

// `carriers` is TOML: the sections of the carriers.
export const practice = async (name, carriers) => {
  const home = folder(name);
  const port = await freePort();
  const file = (path, text, mode = 0o600) => {
    writeFileSync(join(home, path), text);
    chmodSync(join(home, path), mode);
    return join(home, path);
  };
  file("root.key", randomBytes(32).toString("base64"));
  const config = file(
    "sotto.toml",
    `[database]
url = "sqlite:${home}/sotto.db"
[keys]
root_file = "${home}/root.key"
store = "${home}/keys"
[http]
listen = "127.0.0.1:${port}"
public_base = "https://sotto.example.test"
[practice]
id = "0190b2c4-7a3e-7c11-8f5e-2d9a4b6c8e01"
name = "Elm Street Family Medicine"
display_name = "Elm Street Office"
phone = "(617) 555-0100"
timezone = "${daytime()}"
portal_url = "https://portal.example.test"
${carriers({ file })}`,
  );
  const patients = file(
    "patients.csv",
    `mrn,given_name,family_name,birth_date,language,mobile_phone,email,city,state,postal_code
A1,Maria,Garcia,1985-02-03,en,${PHONE},maria@example.test,,,
A2,Jo,Park,1990-05-06,en,+12025550102,,,,
`,
  );
  await sotto(["import", "csv", "--config", config, "--kind", "patients", patients]);
  const scopes = [
    "messages:write", "messages:read", "check", "patients:read", "consents:write", "consents:read",
    "appointments:write", "appointments:read", "tasks:read", "tasks:write",
  ];
  const token = (await sotto(["token", "create", "--config", config, "--name", "test", ...scopes.flatMap((s) => ["--scope", s])])).trim();
  const server = start(["serve", "--config", config]);
  const base = `http://127.0.0.1:${port}`;
  await until("the server to be ready", async () => (await fetch(`${base}/readyz`)).ok, 60).catch((error) => {
    throw new Error(`${error.message}\n${server.said()}`);
  });
  const api = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}), ...headers },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text && JSON.parse(text) };
  };
  const patient = async (mrn) => {
    const { status, body } = await api("POST", "/api/v1/patients/find", { system: MRN, value: mrn });
    if (status !== 200) throw new Error(`patient ${mrn}: ${status} ${JSON.stringify(body)}`);
    return body.id;
  };
  const consent = async (id, channel, address) =>
    api("POST", `/api/v1/patients/${id}/consents`, {
      class: "pec", channel, address, language: "en", method: "form", evidence: "form 17",
      text_version: "2026-01", risk_warned: true, frequency: "a few a month", withdrawal: "STOP, or call",
    });
  const state = async (message) => (await api("GET", `/api/v1/messages/${message}`)).body.state;
  return {
    home, config, base, token, api, patient, consent, state, server,
    stop: async () => {
      const how = await server.stop();
      remove(home);
      return how;
    },
  };
};

// A zone where it is about noon: the office is open.
const daytime = () => {
  const hour = new Date().getUTCHours();
  const shift = 12 - hour; // hours to add to UTC to get noon
  return shift === 0 ? "Etc/GMT" : `Etc/GMT${shift > 0 ? "-" : "+"}${Math.abs(shift)}`;
};

export const agreement = (section, level = 1) => `
[${section}.agreement]
vendor = "Example Carrier, Inc."
status = "active"
effective = "2020-01-01T00:00:00Z"
max_level = ${level}
`;
