#include "rules.hpp"

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

CLI::Option* add_rules(CLI::App& command, Rules& rules) {
  return command
      .add_option_function<std::string>(
          "--rules",
          [&rules](const std::string& word) {
            if (word != "vcc2025" && word != "vcc2026")
              throw vcell::ConfigError(vcell::message("--rules is ", vcell::quoted(word),
                                                      ", expected 'vcc2025' or 'vcc2026'"));
            rules = word == "vcc2025" ? Rules::vcc2025 : Rules::vcc2026;
          },
          "vcc2025 or vcc2026: the Virtual Cell Challenge of that year")
      ->type_name("TEXT");
}

void refuse_flags(std::string_view rules,
                  const std::vector<std::pair<std::string_view, bool>>& given) {
  std::vector<std::string> useless;
  for (const auto& [flag, is_given] : given)
    if (is_given) useless.emplace_back(flag);
  if (!useless.empty())
    throw vcell::ConfigError(vcell::message(vcell::list_of(useless), " says nothing under --rules ",
                                            rules, "; leave it out"));
}
