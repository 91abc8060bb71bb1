#pragma once

#include <string>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What a gene is called by.
enum class GeneNames { symbols, ids };

/// What becomes of a name that comes more than once.
enum class DuplicateNames {
  make_unique,  ///< the second gets "-1", the third "-2", and so on
  refuse,       ///< an error
};

/// Which features of a file that lists them (10x .h5, .mtx with its tables) become genes, and what
/// they are called.
struct GeneOptions {
  /// The names of var; the other ones become its column 'gene_ids' or 'gene_symbols'.
  GeneNames names = GeneNames::symbols;
  /// Of names that come more than once. A remark says how many were changed.
  DuplicateNames duplicates = DuplicateNames::make_unique;
  /// Those to keep; empty: all. A file of Cell Ranger 2 that has several needs one to be named.
  std::vector<std::string> genomes = {};
  /// Those to keep, as the file calls them; empty: 'Gene Expression', without guides, antibodies
  /// and the like, whose counts are no genes'; the one word 'all' keeps all. Where the file names
  /// no types all are genes.
  std::vector<std::string> feature_types = {};
};

/// A table with a row for each cell, which becomes columns of obs.
struct MetadataOptions {
  std::string file = {};  ///< CSV or TSV, gzip or not; empty: none
  std::string key = {};   ///< its column with the cells' names; empty: the first
  /// Cells that the table or the data lack are left out; else they are an error.
  bool drop_unmatched = false;
};

/// What a file with cells does not say itself.
struct CellInput {
  GeneOptions genes = {};         ///< of 10x .h5 and mtx; of tables `duplicates` alone
  bool genes_in_rows = false;     ///< of tables: rows are genes, columns cells
  MetadataOptions metadata = {};  ///< further columns of obs
};

VCELL_END_NAMESPACE
