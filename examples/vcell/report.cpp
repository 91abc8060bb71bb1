#include "commands.hpp"
#include "scoring.hpp"

void add_report(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("report", "Write the report of a run again");
  auto folder = std::make_shared<std::string>();
  command->add_option("folder", *folder, "The run's folder")->required()->type_name("FOLDER");
  command->callback([folder, &console] {
    const std::filesystem::path run = *folder;
    if (!std::filesystem::exists(run / "experiment.toml"))
      throw vcell::ConfigError(vcell::message("report: there is no run in ", vcell::quoted(*folder),
                                              " (no experiment.toml); name the folder that 'vcell "
                                              "run' wrote"));
    for (const char* name : {"agg_results.csv", "facts.csv"})
      if (!std::filesystem::exists(run / name))
        throw vcell::ConfigError(vcell::message("report: there are no scores in ",
                                                vcell::quoted(*folder), " (no ", name,
                                                "): its run was only trained, or stopped; 'vcell ",
                                                "run --resume --out ", *folder, "' makes them"));
    write_report_of_run(run, read_scores_of_run(run));
    console.result((run / "report.html").string());
  });
}
