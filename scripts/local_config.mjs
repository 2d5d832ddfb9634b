// wrangler.toml for a run on one's own machine, from a file elsewhere.

// `toml`: the project's own. `root`: the project's folder, as that file names it. With `hasReports`, a database of its own
// stands in for the operator's; without, there is none.
export function localConfig(toml, root, hasReports = true) {
  const own = toml
    .replace(/^\[\[d1_databases\]\]\n(?:\w.*\n)*?binding = "REPORTS"\n(?:\w.*\n)*/m, "")
    .replaceAll(/^(main|directory) = "(.*)"$/gm, (_, key, path) => `${key} = "${root}/${path}"`);
  if (!hasReports) return own;
  return `${own}
[[d1_databases]]
binding = "REPORTS"
database_name = "reports"
database_id = "00000000-0000-0000-0000-000000000000"
migrations_dir = "${root}/migrations"
`;
}
