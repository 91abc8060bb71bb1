#pragma once

#include <CLI/CLI.hpp>

#include "console.hpp"

// Every command adds itself to the program: its flags, its help, and what it does.

void add_simulate(CLI::App& program, Console& console);
void add_inspect(CLI::App& program, Console& console);
void add_convert(CLI::App& program, Console& console);
void add_concat(CLI::App& program, Console& console);
void add_subset(CLI::App& program, Console& console);
void add_preprocess(CLI::App& program, Console& console);
/// The same under another name, as a command of `program`.
void add_preprocess_as(CLI::App& program, const std::string& name, Console& console);
void add_split(CLI::App& program, Console& console);
void add_stats(CLI::App& program, Console& console);
void add_train(CLI::App& program, Console& console);
void add_predict(CLI::App& program, Console& console);
void add_baseline(CLI::App& program, Console& console);
void add_embed(CLI::App& program, Console& console);
void add_de(CLI::App& program, Console& console);
void add_evaluate(CLI::App& program, Console& console);
void add_score(CLI::App& program, Console& console);
void add_prep(CLI::App& program, Console& console);
void add_import(CLI::App& program, Console& console);
void add_export(CLI::App& program, Console& console);
void add_report(CLI::App& program, Console& console);
void add_tx(CLI::App& program, Console& console);
void add_run(CLI::App& program, Console& console);
void add_tx_infer(CLI::App& tx, Console& console);
void add_tx_predict(CLI::App& tx, Console& console);
void add_emb(CLI::App& program, Console& console);
void add_info(CLI::App& program, Console& console);
void add_config(CLI::App& program, Console& console);
void add_completion(CLI::App& program, Console& console);
void add_man(CLI::App& program, Console& console);
