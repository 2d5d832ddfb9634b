// `make package`: the built Worker as an npm tarball in dist/, for a machine without Rust. What it is deployed with there:
// wrangler.toml without [build], a README, the example of local secrets, the licence. As a repository of its own it is what
// a "Deploy to Cloudflare" button wants: https://developers.cloudflare.com/workers/platform/deploy-buttons/.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const own = JSON.parse(readFileSync("package.json", "utf8"));
const folder = "dist/package";

rmSync("dist", { recursive: true, force: true });
mkdirSync(`${folder}/build`, { recursive: true });
for (const file of ["build/index.js", "build/index_bg.wasm", "LICENSE", ".dev.vars.example"]) {
  cpSync(file, `${folder}/${file}`);
}
for (const path of ["build/assets", "docs", "migrations"]) cpSync(path, `${folder}/${path}`, { recursive: true });
cpSync("scripts/package.md", `${folder}/README.md`);

const toml = readFileSync("wrangler.toml", "utf8");
const deployable = toml.replace(/^\[build\]\ncommand = "make build"\n\n/m, "");
if (deployable === toml || /^\[build\]/m.test(deployable)) {
  throw new Error("wrangler.toml has no [build] of the form that is left out here");
}
const checked = "`make build` checks all of it, for every [env.*], and prints what each route costs.";
if (!deployable.includes(checked)) throw new Error(`wrangler.toml does not say: ${checked}`);
const said = "The Worker checks all of it when it starts: /.well-known/stripe402/health names what is wrong.";
writeFileSync(`${folder}/wrangler.toml`, deployable.replace(checked, said));

const { name, version, description, license } = own;
const hasReports = /^\[\[d1_databases\]\]/m.test(deployable);
const manifest = {
  name,
  version,
  description,
  license,
  type: "module",
  engines: { node: ">=22.12" },
  // npm leaves out files whose names begin with a dot unless they are named.
  files: ["build", "docs", "migrations", "wrangler.toml", ".dev.vars.example"],
  // The tables first, by the binding's name: the database may be called otherwise.
  scripts: {
    dev: "wrangler dev",
    deploy: hasReports ? "wrangler d1 migrations apply REPORTS --remote && wrangler deploy" : "wrangler deploy",
  },
  devDependencies: { wrangler: own.devDependencies.wrangler },
  cloudflare: {
    bindings: {
      STRIPE_PUBLISHABLE_KEY: { description: "Stripe's publishable key, `pk_test_…` or `pk_live_…`" },
      STRIPE_SECRET_KEY: { description: "Stripe's secret or restricted key, of the same mode as STRIPE_PUBLISHABLE_KEY" },
      SERVER_SECRET: { description: "What client ids are derived from: `openssl rand -hex 32`. Keep a copy." },
      ADMIN_TOKEN: { description: "Opens the operator's dashboard and API, if it is set: `openssl rand -hex 32`" },
      ...(hasReports && { REPORTS: { description: "The database of the dashboard's reports" } }),
    },
  },
};
writeFileSync(`${folder}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);

const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", ".."], { cwd: folder, encoding: "utf8" });
const [{ filename, files }] = JSON.parse(packed);
console.log(`dist/${filename}: ${files.length} files`);
