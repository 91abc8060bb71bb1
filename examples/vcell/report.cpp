#include "commands.hpp"
#include "vcell/pipeline/report_folder.hpp"

void add_report(CLI::App& program, Console& console) {
  auto* command = program.add_subcommand("report", "Write the report of a run again");
  auto folder = std::make_shared<std::string>();
  command->add_option("folder", *folder, "The run's folder")->required()->type_name("FOLDER");
  command->callback([folder, &console] {
    const std::filesystem::path run = *folder;
    const auto progress = console.progress();
    vcell::write_report_page(run, vcell::read_report_input(run, progress), {}, progress);
    console.result((run / "report.html").string());
  });
}
