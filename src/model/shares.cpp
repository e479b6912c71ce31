#include "mfld/model/shares.hpp"

#include "mfld/core/divided_rows.hpp"
#include "model/partition.hpp"

namespace mfld {

namespace {

template <class Scalar>
passes::Partition partition_of(Index num_particles) {
  const Index group_size = kernels::table<Scalar>().group_size;
  return passes::Partition((num_particles + group_size - 1) / group_size);
}

}  // namespace

template <class Scalar>
Index most_ranks(Index num_particles) {
  return partition_of<Scalar>(num_particles).num_tasks();
}

template <class Scalar>
Shares shares_of(Index num_particles, int num_ranks) {
  const passes::Partition partition = partition_of<Scalar>(num_particles);
  Shares shares;
  for (int rank = 0; rank <= num_ranks; ++rank) {
    const Index task = first_task(partition.num_tasks(), rank, num_ranks);
    shares.tasks.push_back(task);
    shares.rows.push_back(std::min(num_particles, partition.first_group(task) * kernels::table<Scalar>().group_size));
  }
  return shares;
}

template <class Scalar>
RowRange held_rows(Index num_particles, int num_ranks, int rank) {
  const RowRange own = rows_of(shares_of<Scalar>(num_particles, num_ranks).rows, rank);
  const RowRange observed = rows_of(shares_of<double>(num_particles, num_ranks).rows, rank);
  return {std::min(own.first, observed.first), std::max(own.last, observed.last)};
}

template RowRange held_rows<double>(Index, int, int);
template RowRange held_rows<float>(Index, int, int);
template Index most_ranks<double>(Index);
template Index most_ranks<float>(Index);
template Shares shares_of<double>(Index, int);
template Shares shares_of<float>(Index, int);

}  // namespace mfld
